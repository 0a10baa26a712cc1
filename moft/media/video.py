"""Reading and writing clips, and the pictures of masks: the only place that knows a codec.

A video is a uint8 array of shape (frames, height, width, 3), RGB, 0..255. Files are taken to be hostile:
their kind is told by their first bytes, never by their name, and nothing else is opened on their behalf.
"""

from __future__ import annotations

import math
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from io import BytesIO
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from moft.errors import MediaError, MoftError

if TYPE_CHECKING:
    from PIL.Image import Image

    from moft.types import PathLike, Video


MAX_PIXELS = 8192 * 8192  # in one frame
MAX_BYTES = 2**31  # in one video, as returned
MAX_METADATA = 2**20  # bytes of one tag, as read
GAP = 4  # white pixels between two clips set side by side

_DEMUXERS = ("mov", "matroska", "avi")
_IMAGES = ("PNG", "JPEG", "WEBP", "GIF")
_ANIMATED = ("WEBP", "GIF")
_READABLE = "a video (mp4, mov, webm, mkv, avi) or an image (png, jpg, webp, gif)"
_MAGIC = (
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"GIF87a", "GIF"),
    (0, b"GIF89a", "GIF"),
    (8, b"WEBP", "WEBP"),
    (8, b"AVI ", "avi"),
    (0, b"\x1a\x45\xdf\xa3", "matroska"),
    *((4, box, "mov") for box in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")),
)
_ENCODERS = {
    ".mp4": {
        # Macroblock trees differ from run to run; the same pictures must give the same file.
        "libx264": {"crf": "12", "preset": "medium", "x264-params": "mbtree=0"},
        "mpeg4": {"qmin": "1", "qmax": "3"},
    },
    ".webm": {"libvpx-vp9": {"crf": "12", "b": "0", "cpu-used": "4", "row-mt": "1"}},
}
_WRITABLE = (*_ENCODERS, ".gif")


def read_video(
    path: PathLike,
    *,
    frames: int | None = None,
    size: tuple[int, int] | None = None,
    start: int = 0,
    stride: int = 1,
) -> Video:
    """Read a clip, an animated gif or webp, or a still image (one frame) as uint8 (f h w 3), 0..255.

    `start` and `stride` count frames of the file; `frames` is how many to return, by default all that are
    left. `size` is (height, width): the centre is cropped to that aspect, then resized. Transparency,
    rotation tags and frame times are ignored. Raises MediaError for any file that cannot be read whole and
    safely, for fewer than `frames` frames, and for a result above 2 GiB.
    """
    _check_whole("start", start, 0)
    _check_whole("stride", stride, 1)
    _check_whole("frames", 1 if frames is None else frames, 1)
    _check_size(size)
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
    with _opened(path) as (file, kind), (_movie if kind in _DEMUXERS else _pictures)(file, kind) as clip:
        expected = frames if frames is not None else len(range(start, clip.length, stride))
        _check_budget(file.name, expected, size or (clip.height, clip.width))
        kept: list[Video] = []
        total = 0
        for total, picture in enumerate(clip.pictures, 1):
            if total <= start or (total - 1 - start) % stride:
                continue
            kept.append(fit(convert(picture()), size))
            _check_budget(file.name, len(kept), kept[0].shape[:2])
            if kept[-1].shape != kept[0].shape:
                raise _refusal(
                    file.name,
                    f"frames of one size, {_by(kept[0])}",
                    f"{_by(kept[-1])} at frame {total - 1}",
                    "pass size=(height, width) to bring them to one",
                )
            if len(kept) == frames:
                break
    if len(kept) < (frames or 1):
        raise _refusal(
            os.fspath(path),
            f"at least {start + ((frames or 1) - 1) * stride + 1} frames "
            f"(frames={frames}, start={start}, stride={stride})",
            f"a clip of {total}",
            "ask for fewer, or bring a longer clip",
        )
    return np.stack(kept)


def is_image(path: PathLike) -> bool:
    """Whether a file is an image by its content, an animated one included. Raises MediaError for what is neither image nor
    clip."""
    with _opened(path) as (_, kind):
        return kind in _IMAGES


def write_video(
    path: PathLike, video: Video, *, fps: float = 8, metadata: dict[str, str] | None = None
) -> None:
    """Write uint8 (f h w 3), 0..255, as .mp4, .webm or .gif, at `fps` frames a second.

    The file appears whole or not at all, and replaces an older one. mp4 and webm are yuv420p, BT.709, since
    that plays everywhere; it needs even sides, so an odd side gains one pixel by repeating the edge. gif
    keeps 256 colours a frame, rounds times to 10 ms (50 fps at most) and joins equal neighbouring frames
    into one longer frame. `metadata` goes into tags (webm upper-cases their names), for gif into the comment.
    Raises MediaError for another suffix, a missing folder, a wrong array, or a failing encoder or disk.
    """
    target = Path(_local(path))
    suffix = target.suffix.lower()
    if suffix not in _WRITABLE:
        raise _refusal(str(target), "a suffix of " + ", ".join(_WRITABLE), repr(suffix), "rename it", "write")
    if not target.parent.is_dir():
        raise _refusal(str(target), "an existing folder", str(target.parent), "create it first", "write")
    _check_video(str(target), video)
    fastest = 50 if suffix == ".gif" else 1000
    if not (math.isfinite(fps) and 0 < fps <= fastest):
        raise _refusal(str(target), f"fps above 0 and at most {fastest}", str(fps), "change fps", "write")
    write = _write_gif if suffix == ".gif" else _write_movie
    with _translated(str(target), "a writable folder and a working encoder", "see the cause", "write"):
        with _replacing(target) as temporary:
            write(temporary, video, fps, metadata or {})


def evenly(count: int, wanted: int) -> npt.NDArray[np.int64]:
    """Which of `count` frames stand for `wanted`: the nearest at evenly spaced moments, the first and the last among them."""
    return np.linspace(0, count - 1, wanted).round().astype(np.int64)


def fit(image: Image, size: tuple[int, int] | None) -> npt.NDArray[Any]:
    """The picture as an array (h w 3), or (h w) if it has one channel; its centre cropped and resized to (height, width)."""
    from PIL.Image import Resampling

    if size is None or size == (image.height, image.width):
        return np.asarray(image)
    height, width = size
    scale = min(image.width / width, image.height / height)
    # Rounding must not push the box out of the picture.
    left = max((image.width - width * scale) / 2, 0)
    top = max((image.height - height * scale) / 2, 0)
    box = (left, top, image.width - left, image.height - top)
    return np.asarray(image.resize((width, height), Resampling.BICUBIC, box=box))


def read_metadata(path: PathLike) -> dict[str, str]:
    """What `write_video` was given as `metadata`, names in lower case, among the tags of others; no picture is kept.

    Raises MediaError for what is no readable video or image, and for a tag above 1 MiB.
    """
    with _opened(path) as (file, kind):
        tags = _movie_tags(file, kind) if kind in _DEMUXERS else _gif_tags(file) if kind == "GIF" else {}
        longest = max(map(len, tags.values()), default=0)
        if longest > MAX_METADATA:
            raise _refusal(
                file.name, f"tags of at most {MAX_METADATA} bytes", str(longest), "choose another file"
            )
        return tags


def side_by_side(*videos: Video) -> Video:
    """Set clips of the same frame count and height next to each other, a thin white gap in between.

    Takes and returns uint8 (f h w 3); widths may differ. Raises MediaError where counts or heights do.
    """
    if not videos:
        raise _refusal("the clips", "at least one", "none", "pass one or more", "join")
    for video in videos:
        _check_video("the clips", video, "join")
    if len({video.shape[:2] for video in videos}) > 1:
        shapes = ", ".join(str(video.shape) for video in videos)
        raise _refusal("the clips", "the same frames and height", shapes, "read them with one size", "join")
    gap = np.full((*videos[0].shape[:2], GAP, 3), 255, np.uint8)
    return np.concatenate([part for video in videos for part in (gap, video)][1:], axis=2)


class _Clip(NamedTuple):
    """An open file: its size in pixels, its length in frames (0 if untold), and a thunk for each frame."""

    width: int
    height: int
    length: int
    pictures: Iterator[Callable[[], Image]]


@contextmanager
def _opened(path: PathLike) -> Iterator[tuple[BinaryIO, str]]:
    """Yield a regular file and its kind; whatever fails while it is open becomes a MediaError."""
    name = _local(path)
    if not os.path.isfile(name):
        got = "a folder" if os.path.isdir(name) else "something else" if os.path.exists(name) else "no file"
        raise _refusal(name, "an ordinary file", got, "check the path")
    with _translated(name, "a complete, undamaged file", "re-encode or download it again"):
        with open(name, "rb") as file:
            head = file.read(4096)
            kind = next((kind for at, magic, kind in _MAGIC if head.startswith(magic, at)), None)
            if kind is None:
                got = f"a file that starts with {head[:12]!r}" if head else "an empty file"
                raise _refusal(name, _READABLE, got, "convert it to one of these")
            promised, length = _promised_length(head, kind), os.fstat(file.fileno()).st_size
            if length < promised:
                raise _refusal(name, f"{promised} bytes", f"{length}", "fetch the rest of the file")
            file.seek(0)
            yield file, kind


def _demuxed(file: BinaryIO, kind: str, limit: dict[str, str]) -> Any:
    import av

    # The file is already open, so no protocol is left to allow: a clip cannot pull in other files or hosts.
    options = {"protocol_whitelist": "none", "format_whitelist": ",".join(_DEMUXERS), **limit}
    return av.open(file, mode="r", format=kind, options=options)


def _movie_tags(file: BinaryIO, kind: str) -> dict[str, str]:
    with _demuxed(file, kind, {"max_pixels": str(MAX_PIXELS)}) as container:
        return {name.lower(): text for name, text in container.metadata.items()}


def _gif_tags(file: BinaryIO) -> dict[str, str]:
    """The lines NAME=TEXT of a comment. It lies at the front: no more is read, as PIL joins long ones slowly."""
    import PIL.Image

    with PIL.Image.open(BytesIO(file.read(MAX_METADATA + 65536)), formats=["GIF"]) as image:
        lines = bytes(image.info.get("comment", b"")).decode().split("\n")
    return {name.lower(): text for name, equals, text in (line.partition("=") for line in lines) if equals}


@contextmanager
def _movie(file: BinaryIO, kind: str) -> Iterator[_Clip]:
    from av.stream import Disposition

    limit = {"max_pixels": str(MAX_PIXELS)}
    with _demuxed(file, kind, limit) as container:
        # Cover art is a picture that belongs to a song, not a clip.
        streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams:
            raise _refusal(file.name, "a file with pictures", "one with sound only", "choose another file")
        stream = streams[0]
        # The decoder holds to the limit even where a frame outgrows the header.
        stream.codec_context.options = limit

        def pictures() -> Iterator[Callable[[], Image]]:
            for packet in container.demux(stream):
                if packet.is_corrupt:
                    raise _refusal(file.name, "a complete file", "a broken frame", "download it again")
                for frame in stream.decode(packet):
                    yield frame.to_image

        width, height = stream.codec_context.width, stream.codec_context.height
        _check_pixels(file.name, width, height)
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
                _check_pixels(file.name, picture.width, picture.height)
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


def _write_movie(path: Path, video: Video, fps: float, metadata: dict[str, str]) -> None:
    import av
    from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

    choices = _ENCODERS[path.suffix]
    encoder = next((name for name in choices if name in av.codecs_available), None)
    if encoder is None:
        raise MediaError(f"cannot encode: expected one of {', '.join(choices)} in av, got none; reinstall av")
    odd_height, odd_width = video.shape[1] % 2, video.shape[2] % 2
    flags = {"movflags": "use_metadata_tags+faststart"} if path.suffix == ".mp4" else {}
    # An absolute path cannot be taken for a protocol.
    with av.open(str(path.absolute()), "w", format=path.suffix[1:], options=flags) as container:
        container.metadata.update(metadata)
        rate = Fraction(float(fps)).limit_denominator(1001)
        stream: Any = container.add_stream(encoder, rate, options=choices[encoder])
        stream.width, stream.height = video.shape[2] + odd_width, video.shape[1] + odd_height
        stream.pix_fmt = "yuv420p"
        # Untagged colours are guessed by each player in its own way.
        stream.color_range, stream.colorspace = ColorRange.MPEG, Colorspace.ITU709
        stream.color_primaries, stream.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        for rgb in video:
            even = np.pad(rgb, ((0, odd_height), (0, odd_width), (0, 0)), mode="edge")
            frame = av.VideoFrame.from_ndarray(even, format="rgb24").reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _write_gif(path: Path, video: Video, fps: float, metadata: dict[str, str]) -> None:
    from PIL import Image

    images = [Image.fromarray(frame) for frame in video]
    # gif counts hundredths of a second: round the moments, not the steps, so that no drift builds up.
    moments = [round(index * 100 / fps) for index in range(len(images) + 1)]
    images[0].save(
        path,
        format="GIF",
        save_all=True,
        append_images=images[1:],
        duration=[10 * (end - begin) for begin, end in zip(moments, moments[1:], strict=False)],
        loop=0,
        comment="\n".join(f"{key}={value}" for key, value in metadata.items()).encode(),
    )


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Yield a new name in the same folder, which takes the target's place if all goes well."""
    temporary = target.with_name(f".{secrets.token_hex(8)}{target.suffix.lower()}")
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _translated(name: str, expected: str, remedy: str, action: str = "read") -> Iterator[None]:
    try:
        yield
    except MoftError:
        raise
    except Exception as error:  # the codecs raise whatever they like, SyntaxError and warnings included
        raise _refusal(name, expected, f"{type(error).__name__}: {error}", remedy, action) from error


def _refusal(name: str, expected: str, got: str, remedy: str, action: str = "read") -> MediaError:
    return MediaError(f"cannot {action} {name}: expected {expected}, got {got}; {remedy}")


def _local(path: PathLike) -> str:
    name = os.fspath(path)
    # Two letters at least, since one is a Windows drive.
    if re.match(r"[A-Za-z][\w+.,-]+:", name):
        remedy = "download it first, or write ./ before a file name with a colon"
        raise _refusal(name, "a local file", "an address", remedy, "use")
    return name


def _promised_length(head: bytes, kind: str) -> int:
    """How many bytes the file says it has: these two kinds otherwise end early without a word."""
    if kind == "avi":
        return 8 + int.from_bytes(head[4:8], "little")
    if kind == "matroska":
        size, at = _ebml_size(head, 4)
        segment = at + size
        if head.startswith(b"\x18\x53\x80\x67", segment):
            size, at = _ebml_size(head, segment + 4)
            return at + size
    return 0


def _ebml_size(data: bytes, at: int) -> tuple[int, int]:
    """The variable-length size at `at`, 0 for "unknown" (live recordings), and the place after it."""
    length = 9 - data[at].bit_length()
    unknown = (1 << 7 * length) - 1
    size = int.from_bytes(data[at : at + length], "big") & unknown
    return (0 if size == unknown else size), at + length


def _check_pixels(name: str, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        limit = f"at most {MAX_PIXELS} pixels in a frame"
        raise _refusal(name, limit, f"{width} x {height}", "scale it down first")


def _check_budget(name: str, frames: int, size: tuple[int, ...]) -> None:
    if frames * math.prod(size) * 3 > MAX_BYTES:
        got = f"{frames} frames of {size[0]} x {size[1]}"
        raise _refusal(name, f"at most {MAX_BYTES} bytes of video", got, "pass a smaller frames or size")


def _check_whole(name: str, value: int, least: int) -> None:
    if not isinstance(value, Integral) or value < least:
        raise _refusal("the clip", f"{name} to be a whole number from {least}", repr(value), f"change {name}")


def _check_size(size: tuple[int, int] | None) -> None:
    if size is None:
        return
    if len(size) != 2:
        raise _refusal("the clip", "size=(height, width)", repr(size), "pass two whole numbers")
    for side in size:
        _check_whole("each side of size", side, 1)
    _check_pixels("the clip", size[1], size[0])


def _check_video(name: str, video: Video, action: str = "write") -> None:
    if not isinstance(video, np.ndarray) or video.dtype != np.uint8 or video.ndim != 4 or video.shape[3] != 3:
        got = f"{getattr(video, 'dtype', type(video).__name__)} {getattr(video, 'shape', '')}".strip()
        remedy = "scale it to 0..255 and call .astype('uint8')"
        raise _refusal(name, "uint8 video of shape (f h w 3)", got, remedy, action)
    if not video.size:
        raise _refusal(name, "at least one frame", f"shape {video.shape}", "check the slice", action)


def _by(frame: Video) -> str:
    return f"{frame.shape[0]} x {frame.shape[1]}"
