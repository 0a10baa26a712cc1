"""What must work with each extra, and what must be refused without it in a line that names it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from started import free_port

from installed.place import Place
from installed.scripts import ALL_MODULES, CALLS, FOUND, STEERED
from installed.wheel import ROOT

Check = Callable[[Place], str]  # says what it saw; AssertionError says what is wrong
SMALL = {"steps": 3, "size": {"frames": 4, "height": 32, "width": 32}, "settings": {"steps": [0, 1]}}
JOB = {"prompt": "red cells", "requests": [{"direction": "left"}], **SMALL}
STEER = ("steer", "--prompt", "a red ball over blue cells", "--motion", "left", "--steps", "4")


def everywhere(place: Place) -> str:
    """The package is that of the environment, and what of it cannot be imported wants an extra."""
    found = place.python(FOUND).strip()
    assert found.startswith(str(place.environment)), found
    return place.python(ALL_MODULES).strip()


def bare(place: Place) -> str:
    """Clips are read and written; everything else is a line with the extra; what it advises works."""
    said = place.python(CALLS, "measure", "load")
    assert re.search(r"measure: .*'moft\[flow\]'", said) and re.search(r"load: .*'moft\[diffusers\]'", said)
    place.refuses("--help", extras="cli")
    place.uv("pip", "install", "-c", str(ROOT / "constraints.txt"), "moft[cli]")  # as the line says
    return f"then {place.run('moft', '--version').strip()}"


def cli(place: Place) -> str:
    """Help, lists, and a line for the rest."""
    assert "moft steer" in place.run("moft", "--help")
    assert "AnimateDiff" in place.run("moft", "models")
    place.refuses(*STEER, extras="diffusers,flow")
    place.refuses("app", extras="app,flow,diffusers")
    place.refuses("batch", "jobs.jsonl", extras="diffusers,flow")
    place.refuses("measure", "clip.mp4", extras="flow")
    return "six commands"


def diffusers(place: Place) -> str:
    """A pipeline is steered; measuring is a line."""
    said = place.python(CALLS, "run")
    assert re.search(r"run: .*'moft\[flow\]'", said), said
    return place.python(STEERED).strip()


def flow(place: Place) -> str:
    """A clip is measured."""
    return place.python(CALLS, "measure", "score").strip()


def photos(place: Place) -> str:
    """The pictures that motion channels are found on."""
    said = place.python("from moft.known.photographs import training_photographs as t; print(len(t()))")
    return f"{int(said)} photographs"


def train(place: Place) -> str:
    """What training and its probe import is there; a run would take too long."""
    place.python(
        "import moft.miniature.train, moft.miniature.train_vae, moft.miniature.probe\n"
        "import sklearn.linear_model, skimage.data, diffusers"
    )
    assert "--resume" in place.run("python", "-m", "moft.miniature", "train", "--help")
    return "imports, help"


def quality(place: Place) -> str:
    """MUSIQ's network is there; its weights are not, which is told."""
    return place.python(CALLS, "musiq").strip()


def explain(place: Place) -> str:
    """A report of one clip."""
    place.python(CALLS, "write", "explain")
    assert (place.folder / "explained" / "report.html").stat().st_size > 10_000
    return "report.html"


def steer(place: Place) -> str:
    """The first command of the readme, shorter."""
    place.run("moft", *STEER, "-o", "left.mp4")
    assert all(
        (place.folder / f"left{end}").exists() for end in (".mp4", ".plain.mp4", ".compare.mp4", ".json")
    )
    return f"{len(json.loads((place.folder / 'left.json').read_text())['losses'])} guided steps"


def batch(place: Place, *more: str, folder: str = "night") -> str:
    """Two jobs, their table, page and contact sheet."""
    lines = [json.dumps({**JOB, "seed": seed}) for seed in (0, 1)]
    (place.folder / "jobs.jsonl").write_text("\n".join(lines))
    place.run("moft", "batch", "jobs.jsonl", "-o", folder, *more)
    results = place.folder / folder
    assert len(list(results.glob("*/clip.mp4"))) == 2
    assert all(
        (results / name).exists() for name in ("results.csv", "results.parquet", "sweep.html", "contact.png")
    )
    return "2 jobs"


def ray(place: Place) -> str:
    """The same by Ray."""
    return batch(place, "--ray", "local", folder="by-ray")


def app(place: Place) -> str:
    """The page and its files are served, and a job that is asked for there is made."""
    port = free_port()
    command = [place.program("moft"), "app", "--no-browser", "--folder", "kept", "--port", str(port)]
    with open(place.folder / "app.log", "wb") as log:
        server = subprocess.Popen(
            command, cwd=place.folder, env=place.surroundings, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        until(lambda: answer(port, "/api/runs") is not None)
        page = (answer(port, "/") or b"").decode()
        named = re.findall(r'(?:src|href)="(/[^"]+)"', page)
        assert named and all(answer(port, name) for name in named), page
        key = json.loads(answer(port, "/api/runs", {"job": JOB}) or b"")["key"]
        until(lambda: json.loads(answer(port, f"/api/runs/{key}") or b"{}").get("state") == "done")
    except AssertionError as error:
        raise AssertionError(f"{error}; {(place.folder / 'app.log').read_text()[-1000:]}") from None
    finally:
        server.terminate()
        server.wait()
        end_worker(place)
    return f"{len(named)} files of the page, 1 run"


def end_worker(place: Place) -> None:
    """It outlives its server, to make what waits."""
    place.python(
        "import os, signal; from pathlib import Path; lock = Path('kept/worker.lock')\n"
        "if lock.exists(): os.kill(int(lock.read_text()), signal.SIGTERM)"
    )


def answer(port: int, path: str, body: Any = None) -> bytes | None:
    """What the server gives; None while it does not answer."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"X-Moft": "1", "Content-Type": "application/json"}
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers)
    try:
        with urllib.request.urlopen(asked, timeout=60) as given:
            return bytes(given.read())
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{path}: {error.code} {error.read()[:300]!r}") from None
    except OSError:
        return None


def until(holds: Callable[[], Any], seconds: float = 240) -> None:
    """Ask until it holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come in time"
        time.sleep(0.2)


def examples(place: Place) -> str:
    """The scripts of the pages and the readme's own lines, at few steps."""
    shutil.copytree(ROOT / "examples", place.folder / "examples")
    names = ("steer", "regions", "like", "drag", "objective", "demo")
    for name in names:
        place.python(f"import sys; sys.path.insert(0, 'examples'); import {name}; {name}.main(steps=4)")
    (text,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    place.python(
        text.replace("seed=0", "seed=0, steps=4").replace("num_inference_steps=25", "num_inference_steps=4")
    )
    return f"{', '.join(names)}, README"


def types(place: Place) -> str:
    """mypy --strict finds nothing in a user's script, and every wrong line of another."""
    place.install("all", "mypy")
    here = Path(__file__).parent / "typed"
    shutil.copytree(here, place.folder / "typed")
    assert "no issues" in place.run("mypy", "--strict", "typed/right.py")
    said = place.run("mypy", "--strict", "typed/wrong.py", status=1)
    found = {int(line): code for line, code in re.findall(r"wrong\.py:(\d+): error: .*\[([\w-]+)\]", said)}
    lines = (here / "wrong.py").read_text().splitlines()
    planted = {i: line.partition("# wrong: ")[2] for i, line in enumerate(lines, 1) if "# wrong: " in line}
    assert found == planted, said
    return f"{len(planted)} planted errors found"


BY_EXTRA: dict[str, tuple[Check, ...]] = {
    "": (everywhere, bare),
    "cli": (cli,),
    "flow": (flow,),
    "photos": (photos,),
    "diffusers": (diffusers,),
    "explain": (explain,),
    "train": (train,),
    "app": (app,),
    "batch": (batch,),
    "ray": (ray,),
    "quality": (quality,),
    "all": (everywhere, steer, batch, app, examples, types),
}
