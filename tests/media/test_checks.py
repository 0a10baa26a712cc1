"""Bombs, budgets, addresses and arrays that are no clip."""

import os
import struct
import zlib

import numpy as np
import pytest
from movies import noisy, raw_movie, refused, smooth

from moft.errors import MediaError, MoftError
from moft.media import checks, reading
from moft.media.mask import read_region
from moft.media.reading import read_video
from moft.media.writing import write_video
from moft.types import ClipSize


def test_every_error_is_a_value_error():
    assert issubclass(MediaError, MoftError) and issubclass(MoftError, ValueError)


@pytest.mark.parametrize(
    "url", ["http://example.com/a.mp4", "concat:a.mp4|b.mp4", "file:/a.mp4", "subfile,,start,0,end,9,,:a.mp4"]
)
def test_an_address_is_refused(url, tmp_path):
    refused(url, "a local file, got an address")
    with pytest.raises(MediaError, match="an address"):
        write_video(url, smooth())


@pytest.mark.parametrize(
    "request_",
    [{"frames": 0}, {"frames": 1.5}, {"start": -1}, {"stride": 0}, {"size": (0, 4)}, {"size": (4,)}],
)
def test_a_senseless_request_is_refused(clip, request_):
    with pytest.raises(MediaError, match=next(iter(request_))):
        read_video(clip, **request_)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_an_image_bomb_is_refused_by_its_header(tmp_path):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    for side in (9000, 12000, 60000):  # PIL by itself says nothing, warns, and raises
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
        path = tmp_path / "bomb.png"
        path.write_bytes(
            b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
        )
        refused(path, "pixels in a frame|DecompressionBomb")
        with pytest.raises(MediaError, match="pixels in a frame|DecompressionBomb"):
            read_region(str(path), ClipSize(1, 8, 8))


def test_a_gif_frame_that_enlarges_the_canvas_is_refused(tmp_path):
    write_video(tmp_path / "a.gif", smooth(2))
    data = bytearray((tmp_path / "a.gif").read_bytes())
    second = data.rindex(b"\x2c\0\0\0\0" + struct.pack("<HH", 64, 48))
    data[second + 5 : second + 9] = struct.pack("<HH", 9000, 9000)
    (tmp_path / "a.gif").write_bytes(data)
    refused(tmp_path / "a.gif", "9000 x 9000")


def test_a_movie_above_the_pixel_limit_is_refused(clip, monkeypatch):
    monkeypatch.setattr(checks, "MAX_PIXELS", 48 * 64 - 1)
    refused(clip, "at most 3071 pixels in a frame, got 64 x 48")


def test_a_movie_that_outgrows_its_header_is_refused_while_it_decodes(tmp_path, monkeypatch):
    small, large = noisy(1, 32, 32), noisy(1, 64, 64)
    path = raw_movie(tmp_path / "a.avi", "mjpeg", [small[0], large[0]], "yuvj420p")
    assert read_video(path, size=(16, 16)).shape == (2, 16, 16, 3)
    refused(path, "32 x 32, got 64 x 64 at frame 1")
    monkeypatch.setattr(checks, "MAX_PIXELS", 40 * 40)
    with pytest.raises(MediaError, match="avcodec"):
        read_video(path, size=(16, 16))


def test_a_result_above_the_budget_is_refused_before_decoding(clip, monkeypatch):
    monkeypatch.setattr(checks, "MAX_BYTES", 6 * 48 * 64 * 3 - 1)
    monkeypatch.setattr(reading, "fit", lambda *_: pytest.fail("decoded"))
    refused(clip, "6 frames of 48 x 64")


def test_a_result_above_the_budget_is_refused_while_decoding_if_the_header_is_silent(tmp_path, monkeypatch):
    write_video(tmp_path / "a.webm", smooth())
    monkeypatch.setattr(checks, "MAX_BYTES", 3 * 48 * 64 * 3)
    refused(tmp_path / "a.webm", "4 frames of 48 x 64")
    assert len(read_video(tmp_path / "a.webm", frames=3)) == 3
    assert len(read_video(tmp_path / "a.webm", size=(24, 32))) == 6


@pytest.mark.parametrize(
    "video",
    [
        smooth().astype(np.float32),
        smooth()[0],
        smooth()[..., :1],
        smooth()[:0],
        smooth().tolist(),
    ],
)
def test_only_uint8_rgb_video_is_written(tmp_path, video):
    with pytest.raises(MediaError, match="cannot write .*expected"):
        write_video(tmp_path / "a.mp4", video)
    assert os.listdir(tmp_path) == []
