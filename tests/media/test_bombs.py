"""Small files that ask for much are refused before they get it."""

import struct
import time

import numpy as np
import pytest
from movies import refused, smooth, timed_movie
from PIL import Image

from moft.media.reading import read_metadata, read_video


def gif(path, width, height, frames):
    """Frames of one pixel each on a canvas, 23 bytes a frame."""
    frame = b"\x21\xf9\x04\0\x0a\0\0\0\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(3) + b"\xff" * 3
    path.write_bytes(head + frame * frames + b"\x3b")
    return path


@pytest.mark.parametrize(
    ("width", "height", "frames", "match"),
    [
        (8192, 8192, 10, "frames in proportion to the file"),
        (1000, 1000, 260, "in all frames of a file"),
        (65535, 65535, 2, "pixels in a frame"),
        (16, 16, 40000, "in all frames of a file"),
    ],
)
def test_a_gif_of_few_bytes_is_refused_at_once(tmp_path, width, height, frames, match):
    began = time.perf_counter()
    refused(gif(tmp_path / "a.gif", width, height, frames), match)
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize("suffix", ["webp", "png", "avif"])
def test_a_picture_of_one_colour_and_of_many_pixels_is_refused(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.new("L", (6000, 6000)).save(path, **({"speed": 10} if suffix == "avif" else {}))
    refused(path, "frames in proportion to the file")


TABLES = [(b"stsz", 8), (b"stts", 8), (b"ctts", 8), (b"stco", 4), (b"stsc", 4)]


@pytest.mark.parametrize(("box", "at"), TABLES)
def test_tables_that_promise_more_than_there_is_are_refused(tmp_path, box, at):
    path = timed_movie(tmp_path / "a.mp4", "libx264", smooth(4))
    data = bytearray(path.read_bytes())
    place = data.find(box) + 4
    if place < 4:
        pytest.skip("no such table")
    data[place + at : place + at + 4] = struct.pack(">I", 30_000_000)
    path.write_bytes(data)
    refused(path, "tables in proportion to the file")
    with pytest.raises(ValueError, match="tables in proportion"):
        read_metadata(path)


def test_a_long_clip_of_black_is_refused_and_a_part_of_it_is_read(tmp_path):
    black = np.zeros((1024, 1024, 3), np.uint8)
    path = timed_movie(tmp_path / "a.mp4", "libx264", [black] * 250, preset="ultrafast")
    refused(path, "in all frames of a file")
    assert len(read_video(path, frames=8, size=(16, 16))) == 8
