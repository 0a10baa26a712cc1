"""Reading clips, the pictures of masks, and what a file says of itself.

A video is a uint8 array of shape (frames, height, width, 3), RGB, 0..255. Pictures are read as players and
viewers show them: turned, mirrored and in square pixels, each frame for its time.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from moft.media.checks import Budget, Tell, check_budget, check_size, check_whole, local, refusal
from moft.media.decoding.animations import read_header
from moft.media.decoding.between import between
from moft.media.decoding.movies import movie
from moft.media.decoding.shown import Reel, Shown
from moft.media.decoding.stills import comment_tags, pictures
from moft.media.frames import fit
from moft.media.opening import DEMUXERS, demuxed, is_image, opened
from moft.media.region_text import masks_in

if TYPE_CHECKING:
    from PIL.Image import Image

    from moft.types import PathLike, Video

MAX_METADATA = 2**20  # bytes of one tag, as read


def read_video(
    path: PathLike,
    *,
    frames: int | None = None,
    size: tuple[int, int] | None = None,
    start: int = 0,
    stride: int = 1,
    tell: Tell = warnings.warn,
) -> Video:
    """Read a clip, an animation (gif, webp, png), a folder of pictures (one a frame, by name, numbers in
    order of size), or a still image (one frame) as uint8 (f h w 3), 0..255.

    Frames come as they are shown: upright, in square pixels, and at a constant rate: one which is shown for
    twice as long is followed by one made half of the way to the next, or comes twice where nothing moves, at
    a cut, and in a gif of `write_video`. What is transparent lies on black in a clip and on white in a
    picture. `start` and `stride` count these frames; `frames` is how many to return, by default all that are
    left. `size` is (height, width): the centre is cropped to that aspect, then resized. `tell` is told in
    words of uneven times and of transparency.
    Raises MediaError for any file that cannot be read whole and safely, for fewer than `frames` frames, for a
    result above 2 GiB, and for a small file that asks for very many pixels.
    """
    return read_frames(path, frames=frames, size=size, start=start, stride=stride, tell=tell).video


class Frames(NamedTuple):
    """Frames of a file, and what it stores."""

    video: Video  # uint8 (f h w 3)
    stored: npt.NDArray[np.int64]  # of which picture of the file each of them is
    pictures: int  # of the file; 0 if it does not say


def read_frames(
    path: PathLike,
    *,
    frames: int | None = None,
    size: tuple[int, int] | None = None,
    start: int = 0,
    stride: int = 1,
    tell: Tell = warnings.warn,
) -> Frames:
    """As `read_video`, with what the file stores."""
    check_whole("start", start, 0)
    check_whole("stride", stride, 1)
    check_whole("frames", 1 if frames is None else frames, 1)
    check_size(size)
    with reel(path) as clip:
        expected = frames if frames is not None else len(range(start, clip.length, stride))
        check_budget(clip.name, expected, size or (clip.height, clip.width))
        if frames is None:  # refused before anything is decoded, where the file says how much it is
            replace(clip.budget).spend_frames(clip.stored, clip.width, clip.height)
        held = _Held()
        kept: list[tuple[int, Video]] = []
        for number, frame in islice(_chosen(clip, held, size, start, stride), frames):
            kept.append((number, frame))
            check_budget(clip.name, len(kept), frame.shape[:2])
    if len(kept) < (frames or 1):
        raise refusal(
            clip.name,
            f"at least {start + ((frames or 1) - 1) * stride + 1} frames "
            f"(frames={frames}, start={start}, stride={stride})",
            f"a clip of {held.frames}",
            "ask for fewer, or bring a longer clip",
        )
    for words in clip.words:
        tell(f"{clip.name}: {words}")
    if held.uneven and not clip.joined:
        tell(f"{clip.name}: {held.words(clip.step)}")
    if held.holes:
        tell(f"{clip.name}: what is transparent is shown on {clip.ground}")
    order = np.array([stored for stored, _ in kept])
    return Frames(np.stack([frame for _, frame in kept]), order, clip.stored)


def _chosen(
    clip: Reel, held: _Held, size: tuple[int, int] | None, start: int, stride: int
) -> Iterator[tuple[int, Video]]:
    """Every frame (h w 3) that `start` and `stride` choose, with the number of its picture in the file;
    `held` counts what was seen."""
    first, waiting = None, None
    for shown in clip.pictures:
        begin = held.frames
        held.add(shown.copies)
        wanted = range(start if begin <= start else begin + (start - begin) % stride, held.frames, stride)
        if not wanted and not waiting:
            continue
        image = shown.picture()
        opaque, holes = on_ground(image, clip.ground)
        held.holes = held.holes or holes
        frame = fit(opaque, size)
        first = frame.shape if first is None else first
        if frame.shape != first:
            got = f"{_by(frame.shape)} at frame {held.frames - 1}"
            remedy = "pass size=(height, width) to bring them to one"
            raise refusal(clip.name, f"frames of one size, {_by(first)}", got, remedy)
        if waiting:
            yield from waiting.until(frame, held)
            waiting = None
        clip.budget.spend((len(wanted) - 1) * frame.shape[0] * frame.shape[1])
        shares = [(i - begin) / shown.copies for i in wanted]
        if shown.copies > 1 and not clip.joined:
            waiting = _Waiting(held.stored - 1, frame, shares)
        else:
            yield from ((held.stored - 1, frame) for _ in shares)
    if waiting:
        yield from waiting.until(None, held)


@dataclass
class _Waiting:
    """A frame that is shown for longer than others, until it is known what comes next."""

    number: int  # of its picture in the file
    frame: Video  # (h w 3)
    shares: Sequence[float]  # of the time to the next one, at which frames are wanted

    def until(self, after: Video | None, held: _Held) -> Iterator[tuple[int, Video]]:
        """As `_chosen`; `held` counts those that were made."""
        later = [share for share in self.shares if share]
        made = between(self.frame, after, later) if after is not None and later else None
        held.made += len(later) if made else 0
        yield from ((self.number, self.frame) for share in self.shares if not (made and share))
        yield from ((self.number, frame) for frame in made or ())


@contextmanager
def reel(path: PathLike) -> Iterator[Reel]:
    """A clip, a picture or a folder of pictures, open: its frames as they are shown, one decoded at a time.

    Raises MediaError as `read_video` does."""
    name = local(path)
    with _folder(name) if os.path.isdir(name) else _file(name) as found:
        yield found


@contextmanager
def _file(name: str) -> Iterator[Reel]:
    with opened(name) as (file, kind), (movie if kind in DEMUXERS else pictures)(file, kind) as found:

        def counted() -> Iterator[Shown]:
            for shown in found.pictures:
                found.budget.spend_frames(1, found.width, found.height)
                yield shown

        yield replace(found, pictures=counted())


@contextmanager
def _folder(name: str) -> Iterator[Reel]:
    """The pictures of a folder, one a frame, in the order of `masks_in`."""
    names = masks_in(name)

    def shown() -> Iterator[Shown]:
        for path in names:
            with _file(path) as found:
                if not is_image(path) or found.length > 1:
                    remedy = "take it out, or give the file itself"
                    raise refusal(path, "a picture among those of the folder", "a clip", remedy)
                yield from found.pictures

    with _file(names[0]) as first:
        budget = Budget(name, length=sum(map(os.path.getsize, names)), a_byte=2**20)  # each file has its own
        count = len(names)
        yield replace(
            first, name=name, budget=budget, length=count, stored=count, pictures=shown(), step=None
        )


def on_ground(image: Image, ground: str) -> tuple[Image, bool]:
    """The picture in RGB, what is transparent of it on a ground of one colour; and whether anything is."""
    from PIL.Image import alpha_composite, fromarray, new

    if image.mode.startswith("I"):  # 16-bit grey, which PIL would clip instead of scale
        image = fromarray((np.asarray(image) / 257).round().astype(np.uint8))
    if not image.has_transparency_data:
        return image.convert("RGB"), False
    seen = image.convert("RGBA")
    if np.asarray(seen.getchannel("A")).min() == 255:
        return image.convert("RGB"), False
    return alpha_composite(new("RGBA", image.size, ground), seen).convert("RGB"), True


@dataclass
class _Held:
    """What was counted of frames, and of those which were held or left out."""

    stored: int = 0
    frames: int = 0
    longest: int = 1
    uneven: bool = False
    holes: bool = False  # whether anything was transparent
    made: int = 0  # frames between two

    def add(self, copies: int) -> None:
        self.stored += 1
        self.frames += copies
        self.longest = max(self.longest, copies)
        self.uneven = self.uneven or copies != 1

    def words(self, step: float | None) -> str:
        rate = "" if step is None else f", {1 / step:.3g} a second"
        held = f", held for up to {self.longest}" if self.longest > 1 and not self.made else ""
        made = f"; {self.made} of those taken were made along what moves" if self.made else ""
        said = f"its {self.stored} frames come at uneven times; read as {self.frames} at even times"
        return f"{said}{rate}{held}{made}"


def _by(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} x {shape[1]}"


def read_metadata(path: PathLike) -> dict[str, str]:
    """What `write_video` was given as `metadata`, names in lower case, among the tags of others.

    No picture is decoded; pictures that are no gif have none.
    Raises MediaError for what is no readable video or image, and for a tag above 1 MiB.
    """
    with opened(path) as (file, kind):
        tags = _movie_tags(file, kind) if kind in DEMUXERS else _comment(file) if kind == "GIF" else {}
        longest = max(map(len, tags.values()), default=0)
        if longest > MAX_METADATA:
            raise refusal(
                file.name, f"tags of at most {MAX_METADATA} bytes", str(longest), "choose another file"
            )
        return tags


def _movie_tags(file: BinaryIO, kind: str) -> dict[str, str]:
    """The tags of a container; of a comment that was a gif's, the lines in it."""
    with demuxed(file, kind) as container:
        tags = {name.lower(): text for name, text in container.metadata.items()}
    return {**comment_tags(tags.get("comment", "")), **tags}


def _comment(file: BinaryIO) -> dict[str, str]:
    header = read_header(file, "GIF")
    return {} if header is None else comment_tags(header.comment.decode("utf-8", "replace"))
