"""Writing clips: whole or not at all, and so that they play everywhere."""

from __future__ import annotations

import math
import os
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from moft.errors import MediaError
from moft.media.checks import check_video, local, refusal, translated
from moft.media.decoding.stills import RATE
from moft.media.files import check_parent, passing, replacing

if TYPE_CHECKING:
    from moft.types import PathLike, Video

_ENCODERS = {
    ".mp4": {
        # Macroblock trees differ from run to run; the same pictures must give the same file.
        "libx264": {"crf": "12", "preset": "medium", "x264-params": "mbtree=0"},
        "mpeg4": {"qmin": "1", "qmax": "3"},
    },
    ".webm": {"libvpx-vp9": {"crf": "12", "b": "0", "cpu-used": "4", "row-mt": "1"}},
}
_WRITABLE = (*_ENCODERS, ".gif")
_NEEDS = ("a writable folder and a working encoder", "see the cause", "write")


def write_video(
    path: PathLike, video: Video, *, fps: float = 8, metadata: dict[str, str] | None = None
) -> None:
    """Write uint8 (f h w 3), 0..255, as .mp4, .webm or .gif, at `fps` frames a second.

    The file appears whole or not at all, and replaces an older one. mp4 and webm are yuv420p, BT.709, since
    that plays everywhere; it needs even sides, so an odd side gains one pixel by repeating the edge. gif
    keeps 256 colours a frame and rounds times to 10 ms (50 fps at most); equal neighbours become one longer
    frame, which `read_video` gives as often as it was written. `metadata` goes into tags (webm upper-cases
    their names), for gif into the comment.
    Raises MediaError for another suffix, a missing folder, a wrong array, or a failing encoder or disk.
    """
    target = Path(local(path))
    suffix = target.suffix.lower()
    if suffix not in _WRITABLE:
        raise refusal(str(target), "a suffix of " + ", ".join(_WRITABLE), repr(suffix), "rename it", "write")
    check_parent(target)
    check_video(str(target), video)
    check_fps(target, fps)
    with translated(str(target), *_NEEDS), replacing(target) as temporary:
        _write(temporary, video, fps, metadata or {})


def check_encoder(path: PathLike) -> None:
    """Raise MediaError unless a clip can be encoded at `path`: a small one is, and taken away again. For what
    is worth knowing before the frames are made, such as a codec that is missing."""
    target = Path(local(path))
    with translated(str(target), *_NEEDS), passing(target.parent) as folder:
        _write(folder / f"trial{target.suffix}", np.zeros((2, 16, 16, 3), np.uint8), 8, {"comment": "{}"})


def _write(path: Path, video: Video, fps: float, metadata: dict[str, str]) -> None:
    write = _write_gif if path.suffix.lower() == ".gif" else _write_movie
    write(path, video, fps, metadata)


def check_fps(path: PathLike, fps: float) -> None:
    """Raise MediaError unless a clip of this name can be shown so many times a second."""
    fastest = 50 if Path(path).suffix.lower() == ".gif" else 1000
    if not (math.isfinite(fps) and 0 < fps <= fastest):
        remedy = "change fps" if fastest > 50 else "change fps, or write .mp4 or .webm"
        raise refusal(os.fspath(path), f"fps above 0 and at most {fastest}", str(fps), remedy, "write")


def _write_movie(path: Path, video: Video, fps: float, metadata: dict[str, str]) -> None:
    import av
    from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

    kind = path.suffix.lower()
    choices = _ENCODERS[kind]
    encoder = next((name for name in choices if name in av.codecs_available), None)
    if encoder is None:
        raise MediaError(f"cannot encode: expected one of {', '.join(choices)} in av, got none; reinstall av")
    odd_height, odd_width = video.shape[1] % 2, video.shape[2] % 2
    flags = {"movflags": "use_metadata_tags+faststart"} if kind == ".mp4" else {}
    # An absolute path cannot be taken for a protocol.
    with av.open(str(path.absolute()), "w", format=kind[1:], options=flags) as container:
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

    # The rate tells how many frames were joined.
    tags = {**metadata, RATE: f"{fps:g}"}
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
        comment="\n".join(f"{key}={value}" for key, value in tags.items()).encode(),
    )
