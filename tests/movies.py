"""Clips to write and to read, files that PyAV makes, and what a refusal must say."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from moft.errors import MediaError
from moft.media.reading import read_video


def smooth(frames=6, height=48, width=64):
    t, y, x = np.meshgrid(np.arange(frames), np.arange(height), np.arange(width), indexing="ij")
    channels = (120 + 100 * np.sin(x / 12 + t / 3), 4 * y + 5 * t, 250 - 3 * x)
    return np.stack(channels, -1).clip(0, 255).astype(np.uint8)


def noisy(frames=20, height=64, width=96):
    return np.random.default_rng(0).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)


def psnr(a, b):
    return 10 * np.log10(255**2 / max(np.mean((a.astype(float) - b) ** 2), 1e-9))


def raw_movie(path, codec, frames, pix_fmt="yuv420p", **options):
    """Mux through PyAV alone; frames of several sizes each get an encoder of their own."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, 8)
        stream.width, stream.height, stream.pix_fmt = frames[0].shape[1], frames[0].shape[0], pix_fmt
        for index, frame in enumerate(frames):
            encoder = stream
            if frame.shape != frames[0].shape:
                encoder = av.CodecContext.create(codec, "w")
                encoder.width, encoder.height, encoder.pix_fmt = frame.shape[1], frame.shape[0], pix_fmt
                encoder.framerate, encoder.time_base = stream.codec_context.framerate, stream.time_base
            for packet in encoder.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")):
                packet.stream, packet.pts, packet.dts = stream, index, index
                container.mux(packet)
        container.mux(stream.encode(None))
    return path


def refused(path, match):
    with pytest.raises(MediaError, match=match) as caught:
        read_video(path)
    text = str(caught.value)
    assert "expected" in text and "got" in text and ";" in text
    return caught.value


def timed_movie(path, codec, frames, moments=None, *, aspect=None, pix_fmt="yuv420p", rate=8, **options):
    """Frames (h w 3) or (h w 4) shown from these moments on, in frames of `rate`; `aspect` of a pixel."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate, options=options)
        stream.width, stream.height, stream.pix_fmt = frames[0].shape[1], frames[0].shape[0], pix_fmt
        stream.codec_context.time_base = Fraction(1, rate)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for moment, pixels in zip(moments or range(len(frames)), frames, strict=True):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgba" if pixels.shape[2] == 4 else "rgb24")
            frame.pts, frame.time_base = moment, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def turned_movie(path, frames, matrix):
    """A clip of mp4 or mov whose header holds the matrix (a, b, c, d): where x and y go on the screen."""
    timed_movie(path, "libx264", frames, crf="8")
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (round(v * 65536) for v in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path
