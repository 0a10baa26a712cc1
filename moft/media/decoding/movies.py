"""Clips of containers that FFmpeg opens: their frames as players show them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import numpy as np

from moft.media.checks import A_BYTE_OF_A_CLIP, Budget, check_pixels, codec_limits, refusal
from moft.media.decoding.aperture import Crop, crop_of, cropped
from moft.media.decoding.shown import Reel, Shown, squared, turned
from moft.media.decoding.times import copies, step_of
from moft.media.opening import demuxed

if TYPE_CHECKING:
    from PIL.Image import Image

# PyAV's own types leave half of this out.
Packet: TypeAlias = Any
VideoFrame: TypeAlias = Any
VideoStream: TypeAlias = Any

_AHEAD = 256  # packets whose times tell the rate of a clip
_SAID = 0.02  # by which the rate that a container says may differ from the one that it keeps
_AHEAD_BYTES = 2**25  # of these packets at most
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # FFmpeg's own decoders of these leave alpha out
_EXACT = {"ffv1", "png", "qtrle", "huffyuv", "ffvhuff", "rawvideo", "utvideo", "magicyuv"}
_HDR = {16: "PQ", 18: "HLG"}  # curves, by their numbers in H.273
_INTERLACED = "its frames are interlaced, each of two moments; deinterlace it first, by ffmpeg -vf bwdif say"
_ALPHA_BLOCK = "matroska_block_additional"


@contextmanager
def movie(file: BinaryIO, kind: str) -> Iterator[Reel]:
    """The frames of an open file of one of `moft.media.opening.DEMUXERS`.

    Raises MediaError for a file without pictures, a broken frame, or frames above the limits."""
    from av.stream import Disposition

    with demuxed(file, kind) as container:
        # Cover art is a picture that belongs to a song, not a clip.
        streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams:
            raise refusal(file.name, "a file with pictures", "one with sound only", "choose another file")
        stream = max(streams, key=_rank)  # the first of equals
        _prepare(stream.codec_context)
        width, height = stream.codec_context.width, stream.codec_context.height
        check_pixels(file.name, width, height)
        budget = Budget.of(file, A_BYTE_OF_A_CLIP)
        budget.check_frame(width, height)
        packets = container.demux(stream)
        ahead = list(_first(packets))
        step = _step(ahead, stream)
        words = _words(stream, len(streams))
        decoder = _decoder(stream, ahead)
        frames = _decoded(chain(ahead, packets), decoder, file.name, words)
        turn = None if decoder is stream.codec_context else _first_matrix(stream, ahead)
        crop = crop_of(file, kind, stream.id if kind == "mov" else stream.index, width, height)
        even = step is None or _is_even(ahead, step, stream)
        yield Reel(
            name=file.name,
            width=width,
            height=height,
            length=stream.frames if even else 0,
            stored=stream.frames,
            pictures=_timed(
                frames,
                kind,
                float(stream.time_base),
                step,
                partial(_picture, name=file.name, stream=stream, crop=crop, turn=turn),
            ),
            ground="black",
            step=step,
            budget=budget,
            exact=stream.codec_context.name in _EXACT,
            words=words,
        )


def _rank(stream: VideoStream) -> tuple[bool, int]:
    """Players show what the file calls its default, then what is largest."""
    from av.stream import Disposition

    size = stream.codec_context.width * stream.codec_context.height
    return bool(stream.disposition & Disposition.default), size


def _prepare(decoder: Any) -> None:
    """Hold a decoder to `MAX_PIXELS`, and let it crop to the pixel."""
    from av.codec.context import Flags

    decoder.options = codec_limits()
    decoder.flags |= Flags.unaligned


def _words(stream: VideoStream, count: int) -> list[str]:
    """What players do otherwise, or may."""
    words = []
    if count > 1:
        words.append(f"it holds {count} videos; number {stream.index} is read, as players do")
    if (curve := _HDR.get(int(stream.codec_context.color_trc))) is not None:
        words.append(f"its colours are HDR ({curve}), read as they are stored: paler than players show them")
    return words


def _first(packets: Iterator[Packet]) -> Iterator[Packet]:
    held = 0
    for packet in islice(packets, _AHEAD):
        yield packet
        held += packet.size
        if held > _AHEAD_BYTES:
            return


def _intervals(packets: list[Packet], stream: VideoStream) -> list[float]:
    """Seconds from one frame to the next, as far as packets tell."""
    moments = sorted(p.pts for p in packets if p.pts is not None and p.size and not p.is_discard)
    if len(packets) == _AHEAD:  # later ones may belong between the last of these
        moments = moments[: -_AHEAD // 8]
    return [float((b - a) * stream.time_base) for a, b in zip(moments, moments[1:], strict=False)]


def _step(packets: list[Packet], stream: VideoStream) -> float | None:
    intervals, said = _intervals(packets, stream), stream.average_rate
    step = step_of(intervals) if intervals else None
    if step and said and abs(float(said) * step - 1) < _SAID:  # which is not rounded, as times are
        return float(1 / said)
    return step


def _is_even(packets: list[Packet], step: float, stream: VideoStream) -> bool:
    return set(copies(iter(_intervals(packets, stream)), step)) <= {1}


def _decoded(packets: Iterator[Packet], decoder: Any, name: str, words: list[str]) -> Iterator[VideoFrame]:
    """`words` gains what only frames tell."""
    interlaced = False
    for packet in packets:
        if packet.is_corrupt:
            raise refusal(name, "a complete file", "a broken frame", "download it again")
        for frame in decoder.decode(packet):  # the last one is empty, and makes it give what it holds back
            if frame.is_corrupt:
                raise refusal(name, "a complete file", "a broken frame", "download it again")
            if frame.interlaced_frame and not interlaced:
                interlaced = True
                words.append(_INTERLACED)
            yield frame


def _decoder(stream: VideoStream, ahead: list[Packet]) -> Any:
    """The stream's own decoder, or one that knows alpha if there is alpha beside the picture."""
    import av

    name = _WITH_ALPHA.get(stream.codec_context.name)
    beside = any(packet.has_sidedata(_ALPHA_BLOCK) for packet in ahead[:4])
    if name is None or name not in av.codecs_available or not beside:
        return stream.codec_context
    decoder = av.CodecContext.create(name, "r")
    _prepare(decoder)
    return decoder


def _timed(
    frames: Iterator[VideoFrame],
    kind: str,
    unit: float,
    step: float | None,
    picture: Callable[[VideoFrame], Image],
) -> Iterator[Shown]:
    """Each frame, with how often it is shown: until the next one comes, the last for as long as it says.

    unit: seconds that the times of frames count in; step: from one frame to the next."""
    moment = "dts" if kind == "avi" else "pts"  # avi has none but those at which frames are decoded
    held: list[VideoFrame] = []

    def shown() -> Iterator[float]:
        for frame in frames:
            held.append(frame)
            if len(held) > 1:
                a, b = getattr(held[0], moment), getattr(frame, moment)
                yield (step or 0.0) if a is None or b is None else (b - a) * unit
        if held:
            yield max((held[0].duration or 0) * unit, step or 0.0)

    for count in copies(shown(), step):
        yield Shown(partial(picture, held.pop(0)), count)


def _picture(
    frame: VideoFrame, *, name: str, stream: VideoStream, crop: Crop | None, turn: Any = None
) -> Image:
    """turn: of frames that say none themselves, as `_matrix` gives it."""
    from PIL.Image import fromarray

    alpha = any(component.is_alpha for component in frame.format.components)
    image: Image = fromarray(frame.to_ndarray(format="rgba")) if alpha else frame.to_image()
    if crop is not None and image.size == (stream.codec_context.width, stream.codec_context.height):
        image = cropped(image, crop)
    ratio = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
    if ratio:
        aspect = float(ratio)
        check_pixels(name, round(image.width * max(aspect, 1)), round(image.height / min(aspect, 1)))
        image = squared(image, aspect)
    matrix = _matrix(frame, stream)
    matrix = turn if matrix is None else matrix
    return image if matrix is None else turned(image, matrix)


def _first_matrix(stream: VideoStream, ahead: list[Packet]) -> Any:
    """That of the first frame, by the stream's own decoder: others do not know what the container says."""
    for packet in ahead[:4]:
        for frame in stream.codec_context.decode(packet):
            return _matrix(frame, stream)
    return None


def _matrix(frame: VideoFrame, stream: VideoStream) -> Any:
    """How x and y of the picture lie on the screen (2 2), as rows; None if nothing is said.

    Older files say a turn in a tag, in degrees clockwise."""
    for data in frame.side_data:
        if data.type.name == "DISPLAYMATRIX":
            return np.frombuffer(bytes(data), "<i4").reshape(3, 3)[:2, :2] / 2**16
    degrees = {k.lower(): v for k, v in stream.metadata.items()}.get("rotate", "")
    if not degrees.lstrip("-").isdigit():
        return None
    angle = np.deg2rad(int(degrees) % 360)
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
