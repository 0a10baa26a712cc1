"""Files that appear whole or not at all, several together; and digests that tell whether they are the same.

Files are finished in a passing folder on the same disk and then renamed into place. The folder is locked as
long as its process lives, so that a later run can tell what a killed one left. Before the first file is
moved, a plan says what stands at all their places: where there is a plan, a later run moves the rest, else it
takes the folder away. So several files of one result are never left half old, half new.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moft.errors import MediaError, RecipeError
from moft.media.checks import refusal
from moft.media.region_text import masks_in
from moft.provenance import digest_of

try:
    import fcntl
except ModuleNotFoundError:  # Windows: nothing is locked there, and nothing of killed runs taken away
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from moft.types import PathLike, Video

_PASSING = re.compile(r"\.moft-[0-9a-f]{16}")
_FILES, _PLAN = "files", "plan.json"  # what is in a passing folder
_PATIENCE = 5.0  # seconds; files are moved in a few milliseconds


# ---------------------------------------------------------------- what is asked before the work


def check_writable(*targets: Path, inputs: Iterable[PathLike] = ()) -> None:
    """Raise MediaError unless a file can be written at each of these: the folder is there and can be written
    in, only an ordinary file would be replaced, none of `inputs`, and the name is UTF-8, as codecs want."""
    given = [name for name in inputs if os.path.exists(name)]
    for target in targets:
        check_parent(target)
        if re.search("[\ud800-\udfff]", os.path.abspath(target)):  # how Python holds other bytes
            raise MediaError(f"cannot write {target}: expected a name in UTF-8; choose another -o")
        if target.is_dir():
            raise MediaError(f"cannot write {target}: it is a folder; choose another -o")
        if target.exists() and not target.is_file():
            raise MediaError(f"cannot write {target}: it is no ordinary file; choose another -o")
        if target.exists() and any(target.samefile(name) for name in given):
            raise MediaError(f"cannot write {target}: it is an input of this command; choose another -o")
    for parent in dict.fromkeys(target.parent for target in targets):
        with passing(parent):
            pass


def check_parent(out: Path) -> None:
    """Raise MediaError unless the folder of `out` is there."""
    if not out.parent.is_dir():
        raise refusal(str(out), "an existing folder", str(out.parent), "create it first", "write")


def make_folder(folder: Path) -> None:
    """Make a folder, and those that it stands in. Raises MediaError where the disk does not let it be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MediaError(
            f"cannot make the folder {folder}: {error.strerror}; choose another place"
        ) from error


def ready_folder(out: Path, first: str) -> Path:
    """The folder, made if it is not there, before anything expensive runs. Raises MediaError unless the one
    that it stands in is there, and a file of the name `first` can be written in it."""
    if not out.exists():
        check_parent(out)
        make_folder(out)
    check_writable(out / first)
    return out


# ---------------------------------------------------------------- whole or not at all


@contextmanager
def staging(parent: Path, last: str = "") -> Iterator[Path]:
    """A passing folder whose files, with those in its folders, take their places in `parent` when the block
    ends well, the one that is named `last` after all others. If the block fails, none does.

    Raises MediaError where the disk fails.
    """
    with passing(parent) as folder:
        files = folder / _FILES
        files.mkdir()
        yield files
        with _locked(parent):  # of two runs to one place, each puts all its files there
            places = _places(files, parent, last)
            _write_plan(folder / _PLAN, parent, places)
            try:
                _move(places)
            except BaseException:  # an interrupt comes too late: the rest belongs to what is in place
                _move(places)
                raise


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A path to be written, of the target's name; the file takes the target's place if all goes well.

    Raises MediaError where the disk fails.
    """
    with staging(target.parent) as folder:
        yield folder / target.name


@contextmanager
def passing(parent: Path) -> Iterator[Path]:
    """A folder in `parent` that is gone afterwards; if this process is killed, as soon as another one comes
    here.

    Raises MediaError where the disk fails.
    """
    folder = parent / f".moft-{secrets.token_hex(8)}"
    try:
        with ExitStack() as life:
            with _locked(parent):  # so that nobody finds the folder before it is locked
                _clear_up(parent)
                folder.mkdir(mode=0o700)
                life.enter_context(_locked(folder))
            life.callback(shutil.rmtree, folder, ignore_errors=True)
            yield folder
    except OSError as error:
        raise MediaError(f"cannot write in {parent}: {error.strerror or error}; choose another -o") from error


def _clear_up(parent: Path) -> None:
    """Finish or remove what killed processes left in a folder."""
    with suppress(OSError):
        for folder in [path for path in parent.iterdir() if _PASSING.fullmatch(path.name)]:
            with _locked(folder, wait=False) as dead:
                if dead and not folder.is_symlink():
                    _finish(folder, parent)
                    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path, wait: bool = True) -> Iterator[bool]:
    """Hold a folder's lock, which the system takes back from the dead. False where another process holds it,
    if waited for, for _PATIENCE (`flock . moft …` does), and where folders have no locks."""
    with ExitStack() as life:
        at = None
        if fcntl is not None:
            with suppress(OSError):
                at = os.open(folder, os.O_RDONLY)
                life.callback(os.close, at)
        yield at is not None and _lock(at, time.monotonic() + (_PATIENCE if wait else 0))


def _lock(at: int, until: float) -> bool:
    while True:
        try:
            fcntl.flock(at, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.01)
        except OSError:
            return False


def _places(files: Path, parent: Path, last: str) -> dict[Path, Path]:
    """Where each file goes, in the order in which they go."""
    found = [path for path in files.rglob("*") if path.is_file() and not path.is_symlink()]
    found.sort(key=lambda path: (path.name == last, path))
    return {path: parent / path.relative_to(files) for path in found}


def _move(places: dict[Path, Path]) -> None:
    """Every file that is not in its place yet."""
    for path, target in places.items():
        if path.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)


def _write_plan(plan: Path, parent: Path, places: dict[Path, Path]) -> None:
    """What stands at each place now, so that nothing younger is replaced by who finishes this."""
    order = [[str(target.relative_to(parent)), _standing(target)] for target in places.values()]
    plan.write_text(json.dumps(order), encoding="utf-8")


def _finish(folder: Path, parent: Path) -> None:
    """Move what a killed process had begun to move, unless a place or the plan has been changed since."""
    try:
        order = [(str(name), was) for name, was in json.loads((folder / _PLAN).read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError, RecursionError):  # killed before all was finished
        return
    left = {folder / _FILES / name: parent / name for name, _ in order if (folder / _FILES / name).exists()}
    ours = _places(folder / _FILES, parent, "")
    was = dict(order)
    if all(
        ours.get(path) == target
        and was[str(target.relative_to(parent))] == _standing(target)
        and target.parent.resolve().is_relative_to(parent.resolve())
        for path, target in left.items()
    ):
        _move(left)


def _standing(path: Path) -> Any:
    """Tells a file from those that stood at its place before; None where nothing is."""
    try:
        at = path.lstat()
    except OSError:
        return None
    return [at.st_ino, at.st_size, at.st_mtime_ns]


# ---------------------------------------------------------------- digests


def file_digest(name: str | os.PathLike[str]) -> str:
    """ "sha256:…" of an ordinary file, or of the masks in a folder, by their names and in order.

    Raises RecipeError for anything else; MediaError for a folder without masks, or with too many."""
    if os.path.isdir(name):
        return digest_of([(os.path.basename(mask), file_digest(mask)) for mask in masks_in(name)])
    if not os.path.isfile(name):
        raise RecipeError(
            f"cannot read {os.fspath(name)}: expected an ordinary file, got none; check the path"
        )
    try:
        with open(name, "rb") as file:
            digest = hashlib.sha256()
            while block := file.read(2**20):
                digest.update(block)
    except OSError as error:
        raise RecipeError(f"cannot read {os.fspath(name)}: {error.strerror}; check the path") from error
    return f"sha256:{digest.hexdigest()}"


def frames_digest(video: Video) -> str:
    """Of uint8 frames and their shape."""
    return digest_of([list(video.shape), hashlib.sha256(video.tobytes()).hexdigest()])
