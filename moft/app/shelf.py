"""What can be looked at and named: what was given, and what runs made. Each has an id; no path leaves or
enters the app.

An upload's id is the beginning of the digest of its bytes, so the same file twice is one, and a recipe finds
its inputs again by the digests that it names.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from moft.app.folder import Folder, no_such, read_json, write_json
from moft.app.refusals import Refused
from moft.batch.worker import CLIP
from moft.errors import MoftError
from moft.field.files.reading import holds_field, read_field, read_tracks
from moft.media.files import file_digest, passing
from moft.media.opening import is_image, opened
from moft.media.reading import read_video, reel
from moft.printing import printable
from moft.request.fields import read
from moft.runs.recipe import read_recipe

if TYPE_CHECKING:
    from moft.types import Picture, Video

KINDS = ("clip", "picture", "mask", "field")
_STEM, _END = CLIP.split(".")
FILES = {"plain": f"{_STEM}.plain.{_END}", "steered": CLIP, "compare": f"{_STEM}.compare.{_END}"}  # of a run
_UPLOAD = re.compile(r"u-[0-9a-f]{16}")
_OF_RUN = re.compile(r"([0-9a-z-]{1,64})\.(plain|steered|compare)")
_SUFFIX = {"mov": ".mp4", "matroska": ".mkv", "avi": ".avi", "JPEG": ".jpg"}  # others by their kind's name
_NOTE = ".told"  # of the file that says what was given; tracks may be JSON themselves
_FIELDS = (".safetensors", ".npy", ".npz", ".json", ".csv")
_TRACKS, _VISIBILITY = "_tracks.npy", "_visibility.npy"
_ANY_PICTURE = (2**13, 2**13)  # px, in which tracks lie until it is known which they are of
_MOST_KEPT = 2**28  # bytes of decoded clips
_MOST_TOLD = 1000  # clips of runs of which is known what they are


@dataclass(frozen=True)
class Media:
    """Something that can be looked at or named in a job."""

    id: str
    name: str  # as its owner called it, for show alone
    kind: str  # one of KINDS
    width: int | None  # px as shown; of fields none
    height: int | None
    frames: int | None
    fps: float | None
    bytes: int
    suffix: str  # of its file here
    notes: tuple[str, ...] = ()  # worth knowing of how it is read
    recipe: bool = False  # whether moft can make it again
    tracks_visibility: bool = False  # of tracks: whether it is told when a point is hidden
    made: float = 0.0  # seconds since 1970

    def to_json(self) -> dict[str, Any]:
        """As the page is told it."""
        return {**asdict(self), "notes": list(self.notes)}


class Shelf:
    """The media of a folder; threads may share one."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self._clips, self._told = Kept(_MOST_KEPT), Kept(_MOST_TOLD)

    # ------------------------------------------------------------ what is there

    def get(self, name: str) -> Media:
        """By its id. Raises NotHere for none."""
        if _UPLOAD.fullmatch(name):
            found = read_json(self.folder.uploads / f"{name}{_NOTE}")
            if found is not None:
                media: Media = read(Media, found, "media")
                return media
        elif (path := self._of_run(name)) is not None and path.is_file():
            at = (name, path.stat().st_mtime_ns)
            of_run: Media = self._told.get(at, lambda: _seen(path, name, path.name, path.suffix), lambda _: 1)
            return of_run
        raise no_such("clip or file", name)

    def all(self) -> list[Media]:
        """What was given, the newest first."""
        ids = [path.stem for path in self.folder.uploads.glob(f"u-*{_NOTE}") if _UPLOAD.fullmatch(path.stem)]
        return sorted((self.get(name) for name in ids), key=lambda media: -media.made)

    def file(self, name: str) -> str:
        """The file of an id, by its place in the folder; "/" between its parts. Raises NotHere for none."""
        path = self._of_run(name)
        if path is None:
            media = self.get(name)
            path = self.folder.uploads / f"{media.id}{media.suffix}"
        if not path.exists():
            raise no_such("clip or file", name)
        return path.relative_to(self.folder.root).as_posix()

    def id_of(self, file: str) -> str | None:
        """The inverse of `file`; None for what no id stands for."""
        first, *rest = file.split("/")
        if first == "uploads" and len(rest) == 1 and (found := _UPLOAD.match(rest[0])):
            return found[0]
        kind = next((kind for kind, name in FILES.items() if rest[1:] == [name]), None)
        return f"{rest[0]}.{kind}" if first == "runs" and kind else None

    def named(self, text: str) -> str:
        """An error's text with what was given called as its owner calls it, and no path of this machine."""

        def name(found: re.Match[str]) -> str:
            media = read_json(self.folder.uploads / f"{found[1]}{_NOTE}")
            return str(media["name"]) if isinstance(media, dict) and "name" in media else found[1]

        short = text.replace(f"{self.folder.root}{os.sep}", "")
        return re.sub(r"(?:uploads/|media:)(u-[0-9a-f]{16})[.\w]*", name, short)

    def path(self, name: str) -> Path:
        """The file of an id, wherever this process is."""
        return self.folder.root / self.file(name)

    def with_digest(self, digest: str) -> str | None:
        """The id of what was given with a digest "sha256:…", if it is here."""
        name = _id_of(digest)
        return name if _UPLOAD.fullmatch(name) and (self.folder.uploads / f"{name}{_NOTE}").exists() else None

    def frame(self, name: str, number: int, size: tuple[int, int] | None = None) -> Picture:
        """One frame uint8 (h w 3) as a viewer shows it, or cropped and resized to (height, width) as moft
        takes it. Raises NotHere for a frame that there is none of."""
        media = self.get(name)
        if media.frames is None or not 0 <= number < media.frames:
            raise no_such(f"frame of {name}", str(number))
        height, width = size or (media.height or 1, media.width or 1)
        path = self.path(name)
        if media.frames * height * width * 3 > _MOST_KEPT // 4:
            return read_video(path, start=number, frames=1, size=size, tell=_silent)[0]
        video: Video = self._clips.get(
            (name, size), lambda: read_video(path, size=size, tell=_silent), lambda clip: clip.nbytes
        )
        return video[number]

    def _of_run(self, name: str) -> Path | None:
        named = _OF_RUN.fullmatch(name)
        return None if named is None else self.folder.runs / named[1] / FILES[named[2]]

    # ------------------------------------------------------------ what comes and goes

    def take(self, file: BinaryIO, name: str, kind: str | None, made: float) -> Media:
        """Keep what somebody gave, whole or not at all. Raises Refused (415) for what moft does not read."""
        if kind is not None and kind not in KINDS:
            raise Refused(400, f"expected kind among {', '.join(KINDS)}, got {kind!r:.50}; leave it out")
        shown = printable(os.path.basename(name.replace("\\", "/")))[:120] or "unnamed"
        with passing(self.folder.uploads) as folder:
            copy = _copied(file, folder / "given")
            if shown.endswith(_VISIBILITY) and (tracks := self._tracks_of(shown)) is not None:
                return self._with_visibility(tracks, copy)
            suffix = _suffix_of(copy, shown)
            named = copy.rename(folder / f"given{suffix}")
            media = _seen(named, _id_of(file_digest(named)), shown, suffix, kind)
            os.replace(named, self.folder.uploads / f"{media.id}{suffix}")
            return self._written(replace(media, made=made))

    def take_masks(self, given: Sequence[tuple[BinaryIO, str]], made: float) -> Media:
        """Keep the pictures of a mask that moves, one a frame, as one. Raises Refused (415) for others."""
        with passing(self.folder.uploads) as folder:
            masks = folder / "masks"
            masks.mkdir()
            for number, (file, name) in enumerate(given):
                copy = _copied(file, masks / f"{number:05}")
                copy.rename(copy.with_suffix(_suffix_of(copy, name)))
            media = _seen(masks, _id_of(file_digest(masks)), given[0][1], "", "mask")
            place = self.folder.uploads / media.id
            if not place.exists():
                os.rename(masks, place)
            return self._written(replace(media, made=made))

    def _written(self, media: Media) -> Media:
        write_json(self.folder.uploads / f"{media.id}{_NOTE}", media.to_json())
        return media

    def remove(self, name: str) -> None:
        """Take an upload away. Raises NotHere for none; clips go with their runs."""
        if not _UPLOAD.fullmatch(name):
            raise no_such("upload", name)
        media = self.get(name)
        for suffix in filter(None, (_NOTE, ".npy", media.suffix, _VISIBILITY)):
            with suppress(FileNotFoundError):
                (self.folder.uploads / f"{media.id}{suffix}").unlink()
        shutil.rmtree(self.folder.uploads / media.id, ignore_errors=True)

    def _tracks_of(self, visibility: str) -> Media | None:
        name = visibility.removesuffix(_VISIBILITY) + _TRACKS
        return next((media for media in self.all() if media.name == name), None)

    def _with_visibility(self, tracks: Media, given: Path) -> Media:
        """Tracks and their visibility are read as one by their names alone."""
        both = [given.with_name(f"both{ending}") for ending in (_TRACKS, _VISIBILITY)]
        shutil.copy(self.path(tracks.id), both[0])
        given.rename(both[1])
        try:
            read_tracks(both[0])
        except MoftError as error:
            raise Refused(415, str(error).replace(f"{both[0]}", tracks.name)) from error
        for path, ending in zip(both, (_TRACKS, _VISIBILITY), strict=True):
            os.replace(path, self.folder.uploads / f"{tracks.id}{ending}")
        return self._written(replace(tracks, suffix=_TRACKS, tracks_visibility=True))


def _id_of(digest: str) -> str:
    """Of what was given, by its digest "sha256:…"."""
    return f"u-{digest.removeprefix('sha256:')[:16]}"


def _copied(file: BinaryIO, path: Path) -> Path:
    with open(path, "wb") as out:
        shutil.copyfileobj(file, out)
    return path


def _suffix_of(path: Path, name: str) -> str:
    """By what a file holds, whatever it is called."""
    try:
        if holds_field(path):
            return next((suffix for suffix in _FIELDS if name.lower().endswith(suffix)), ".field")
        with opened(path) as (_, kind):
            return _SUFFIX.get(kind, f".{kind.lower()}")
    except MoftError as error:
        raise Refused(415, str(error).replace(str(path), name)) from error


def _seen(path: Path, name: str, shown: str, suffix: str, kind: str | None = None) -> Media:
    """What a file is, by the library's own readers. Raises Refused (415) for what they do not take."""
    told: list[str] = []
    found = Media(name, shown, kind or "field", None, None, None, None, path.stat().st_size, suffix)
    try:
        if not path.is_dir() and holds_field(path):
            return replace(found, kind="field", frames=len(read_field(path, _ANY_PICTURE).weight))
        with reel(path) as clip:
            length, step = clip.length or sum(picture.copies for picture in clip.pictures), clip.step
        first = read_video(path, frames=1, tell=told.append)[0]
        single = length == 1 and not path.is_dir() and is_image(path)
    except MoftError as error:
        raise Refused(415, str(error).replace(str(path), shown)) from error
    return replace(
        found,
        kind=kind or ("picture" if single else "clip"),
        width=first.shape[1],
        height=first.shape[0],
        frames=length,
        fps=1 / step if step and length > 1 else None,
        notes=tuple(line.replace(str(path), shown) for line in told),
        recipe=_has_recipe(path),
    )


def _has_recipe(path: Path) -> bool:
    try:
        read_recipe(path)
    except MoftError:  # of a folder, and of clips of others
        return False
    return True


def _silent(line: str) -> None:
    """What is worth knowing was told when it came."""


class Kept:
    """Things that cost time to make, kept up to so many bytes; what was not asked for longest goes first."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._held: OrderedDict[Any, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Any, make: Callable[[], Any], size: Callable[[Any], int]) -> Any:
        """What is kept under a key, or made now, if need be by several threads at once."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key][0]
        value = make()
        with self._lock:
            self._held[key] = (value, size(value))
            self._held.move_to_end(key)
            while sum(held for _, held in self._held.values()) > self.most and len(self._held) > 1:
                self._held.popitem(last=False)
        return value
