"""Reading clips, the pictures of masks, and what a file says of itself.

A video is a uint8 array of shape (frames, height, width, 3), RGB, 0..255.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np

from moft.media.checks import (
    check_budget,
    check_pixels,
    check_size,
    check_whole,
    codec_limits,
    local,
    refusal,
)
from moft.media.frames import fit
from moft.media.opening import DEMUXERS, demuxed, is_image, opened
from moft.media.region_text import masks_in

if TYPE_CHECKING:
    from PIL.Image import Image

    from moft.types import PathLike, Video

MAX_METADATA = 2**20  # bytes of one tag, as read
_ANIMATED = ("WEBP", "GIF")


def read_video(
    path: PathLike,
    *,
    frames: int | None = None,
    size: tuple[int, int] | None = None,
    start: int = 0,
    stride: int = 1,
) -> Video:
    """Read a clip, an animated gif or webp, a folder of pictures (one a frame, by name, numbers in order of
    size), or a still image (one frame) as uint8 (f h w 3), 0..255.

    `start` and `stride` count frames of the file; `frames` is how many to return, by default all that are
    left. `size` is (height, width): the centre is cropped to that aspect, then resized. Transparency,
    rotation tags and frame times are ignored. Raises MediaError for any file that cannot be read whole and
    safely, for fewer than `frames` frames, and for a result above 2 GiB.
    """
    check_whole("start", start, 0)
    check_whole("stride", stride, 1)
    check_whole("frames", 1 if frames is None else frames, 1)
    check_size(size)
    return _read(path, _rgb, frames, size, start, stride)


def read_greys(path: PathLike) -> Video:
    """Read a picture or a clip as masks, uint8 (f h w), 0..255: its alpha if that varies, else its luminance.

    Raises MediaError as `read_video` does.
    """
    return _read(path, _mask_channel)


def _read(
    path: PathLike,
    convert: Callable[[Image], Image],
    frames: int | None = None,
    size: tuple[int, int] | None = None,
    start: int = 0,
    stride: int = 1,
) -> Video:
    name = local(path)
    with _folder(name) if os.path.isdir(name) else _file(name) as clip:
        expected = frames if frames is not None else len(range(start, clip.length, stride))
        check_budget(name, expected, size or (clip.height, clip.width))
        kept: list[Video] = []
        total = 0
        for total, picture in enumerate(clip.pictures, 1):
            if total <= start or (total - 1 - start) % stride:
                continue
            kept.append(fit(convert(picture()), size))
            check_budget(name, len(kept), kept[0].shape[:2])
            if kept[-1].shape != kept[0].shape:
                raise refusal(
                    name,
                    f"frames of one size, {_by(kept[0])}",
                    f"{_by(kept[-1])} at frame {total - 1}",
                    "pass size=(height, width) to bring them to one",
                )
            if len(kept) == frames:
                break
    if len(kept) < (frames or 1):
        raise refusal(
            name,
            f"at least {start + ((frames or 1) - 1) * stride + 1} frames "
            f"(frames={frames}, start={start}, stride={stride})",
            f"a clip of {total}",
            "ask for fewer, or bring a longer clip",
        )
    return np.stack(kept)


def _by(frame: Video) -> str:
    return f"{frame.shape[0]} x {frame.shape[1]}"


def read_metadata(path: PathLike) -> dict[str, str]:
    """What `write_video` was given as `metadata`, names in lower case, among the tags of others.

    No picture is decoded; pictures that are no gif have none.
    Raises MediaError for what is no readable video or image, and for a tag above 1 MiB.
    """
    with opened(path) as (file, kind):
        tags = _movie_tags(file, kind) if kind in DEMUXERS else _gif_tags(file) if kind == "GIF" else {}
        longest = max(map(len, tags.values()), default=0)
        if longest > MAX_METADATA:
            raise refusal(
                file.name, f"tags of at most {MAX_METADATA} bytes", str(longest), "choose another file"
            )
        return tags


def _movie_tags(file: BinaryIO, kind: str) -> dict[str, str]:
    with demuxed(file, kind) as container:
        return {name.lower(): text for name, text in container.metadata.items()}


def _gif_tags(file: BinaryIO) -> dict[str, str]:
    """The lines NAME=TEXT of a comment. It lies at the front: no more is read, as PIL joins long ones
    slowly."""
    import PIL.Image

    with PIL.Image.open(BytesIO(file.read(MAX_METADATA + 65536)), formats=["GIF"]) as image:
        lines = bytes(image.info.get("comment", b"")).decode().split("\n")
    return {name.lower(): text for name, equals, text in (line.partition("=") for line in lines) if equals}


class _Clip(NamedTuple):
    """An open file, or a folder of pictures: its size in pixels, its length in frames (0 if untold), and a
    thunk for each frame."""

    width: int
    height: int
    length: int
    pictures: Iterator[Callable[[], Image]]


@contextmanager
def _file(path: str) -> Iterator[_Clip]:
    with opened(path) as (file, kind), (_movie if kind in DEMUXERS else _pictures)(file, kind) as clip:
        yield clip


@contextmanager
def _folder(path: str) -> Iterator[_Clip]:
    """The pictures of a folder, one a frame, in the order of `masks_in`."""
    names = masks_in(path)

    def pictures() -> Iterator[Callable[[], Image]]:
        for name in names:
            with _file(name) as clip:
                if not is_image(name) or clip.length > 1:
                    remedy = "take it out, or give the file itself"
                    raise refusal(name, "a picture among those of the folder", "a clip", remedy)
                yield from clip.pictures

    with _file(names[0]) as first:
        size = first.width, first.height
    yield _Clip(*size, len(names), pictures())


@contextmanager
def _movie(file: BinaryIO, kind: str) -> Iterator[_Clip]:
    from av.stream import Disposition

    with demuxed(file, kind) as container:
        # Cover art is a picture that belongs to a song, not a clip.
        streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams:
            raise refusal(file.name, "a file with pictures", "one with sound only", "choose another file")
        stream = streams[0]
        stream.codec_context.options = codec_limits()

        def pictures() -> Iterator[Callable[[], Image]]:
            for packet in container.demux(stream):
                if packet.is_corrupt:
                    raise refusal(file.name, "a complete file", "a broken frame", "download it again")
                for frame in stream.decode(packet):
                    yield frame.to_image

        width, height = stream.codec_context.width, stream.codec_context.height
        check_pixels(file.name, width, height)
        yield _Clip(width, height, stream.frames, pictures())


@contextmanager
def _pictures(file: BinaryIO, kind: str) -> Iterator[_Clip]:
    import PIL.Image
    from PIL.ImageSequence import Iterator as Sequence

    with PIL.Image.open(file, formats=[kind]) as image:
        # A jpeg may carry further pictures (depth, gain map): they are no frames.
        length = getattr(image, "n_frames", 1) if kind in _ANIMATED else 1

        def pictures() -> Iterator[Callable[[], Image]]:
            for _, picture in zip(range(length), Sequence(image), strict=False):
                # Nothing is decoded yet. Every frame counts, as one of a gif may enlarge the canvas.
                check_pixels(file.name, picture.width, picture.height)
                yield picture.copy

        yield _Clip(image.width, image.height, length, pictures())


def _mask_channel(image: Image) -> Image:
    """The channel that holds the mask, as greys of 0..255: alpha where it says something, else luminance."""
    if image.has_transparency_data:
        alpha = image.convert("RGBA").getchannel("A")
        if len(alpha.getcolors() or ()) > 1:
            return alpha
    return _rgb(image).convert("L")


def _rgb(image: Image) -> Image:
    from PIL.Image import fromarray

    if image.mode.startswith("I"):  # 16-bit grey, which PIL would clip instead of scale
        image = fromarray((np.asarray(image) / 257).round().astype(np.uint8))
    return image.convert("RGB")
