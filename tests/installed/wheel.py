"""The wheel and the source archive, built of the files that git knows, and what must be in them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

from readme_renderer.markdown import render

ROOT = Path(__file__).parents[2]
MOST = 15e6  # bytes of a wheel
OTHERS = re.compile(r"moft/miniature/weights/(?!animatediff/)")  # they stay in the repository


def known() -> list[str]:
    """The files of the repository as they are now, ignored ones left out."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).exists()]


def built(folder: Path) -> tuple[Path, Path]:
    """The wheel and the source archive that it is made of."""
    for name in known():
        (folder / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / "tree" / name)
    command = [sys.executable, "-m", "build", "--outdir", str(folder), str(folder / "tree")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return next(folder.glob("*.whl")), next(folder.glob("*.tar.gz"))


def check_contents(wheel: Path) -> str:
    """Everything of the package and its facts, nothing else; not too large."""
    size = wheel.stat().st_size
    assert size < MOST, f"{size / 1e6:.1f} MB"
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {name for name in known() if name.startswith("moft/") and not OTHERS.match(name)}
    there = {name for name in names if not re.match(r"moft-[^/]+\.dist-info/", name)}
    assert there == wanted, f"missing {sorted(wanted - there)}, beside them {sorted(there - wanted)}"
    assert any(name.endswith("licenses/LICENSE") for name in names)
    return f"{size / 1e6:.1f} MB, {len(there)} files"


def check_sources(archive: Path) -> str:
    """It has the pages and examples that the readme names."""
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    page = (ROOT / "README.md").read_text()
    named = re.findall(r"\]\((?!https?:)([^)#]+)\)", page) + re.findall(r"python (\S+\.py)", page)
    assert named and set(named) <= names, sorted(set(named) - names)
    assert not any(OTHERS.match(name) for name in names)
    return f"{archive.stat().st_size / 1e6:.1f} MB, {len(names)} files"


def facts(wheel: Path) -> Message:
    """What an index reads of it."""
    opened = zipfile.ZipFile(wheel)
    (name,) = [name for name in opened.namelist() if name.endswith(".dist-info/METADATA")]
    return message_from_bytes(opened.read(name))


def check_page(wheel: Path) -> str:
    """The readme as an index shows it: no link or picture of it leads nowhere."""
    page = render(facts(wheel).get_payload(decode=True).decode())  # type: ignore[union-attr]
    assert page is not None
    leading = re.findall(r'(?:href|src)="([^"]*)"', page)
    astray = [target for target in leading if not target.startswith(("https://", "#"))]
    assert not astray, astray
    assert "](" not in page and page.count("<h2") == (ROOT / "README.md").read_text().count("\n## ")
    return f"{len(leading)} links"
