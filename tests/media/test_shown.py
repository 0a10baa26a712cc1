"""Files are read as players and viewers show them: turned, mirrored, in square pixels, on a ground."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from movies import noisy, psnr, raw_movie, refused, smooth, timed_movie, turned_movie
from PIL import Image

from moft.errors import MediaError
from moft.media.mask import read_region
from moft.media.reading import read_video
from moft.types import ClipSize

# What each of the eight EXIF orientations does to a stored array (h w …), by the standard's own words.
SHOWN = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[::-1],
}
# The same as (a, b, c, d): x of the picture goes to (a, b) on the screen, y to (c, d); y is down.
MATRICES = {
    1: (1, 0, 0, 1),
    2: (-1, 0, 0, 1),
    3: (-1, 0, 0, -1),
    4: (1, 0, 0, -1),
    5: (0, 1, 1, 0),
    6: (0, 1, -1, 0),
    7: (0, -1, -1, 0),
    8: (0, -1, 1, 0),
}
ALL = sorted(SHOWN)


def oriented(path, array, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(array).save(path, exif=exif, **({"lossless": True} if path.suffix == ".webp" else {}))
    return path


@pytest.mark.parametrize("orientation", ALL)
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".avif"])
def test_a_photograph_is_shown_as_its_orientation_says(tmp_path, suffix, orientation):
    picture = smooth(1)[0]
    found = read_video(oriented(tmp_path / f"a{suffix}", picture, orientation))[0]
    assert found.shape == SHOWN[orientation](picture).shape
    assert psnr(SHOWN[orientation](picture), found) > 25


@pytest.mark.parametrize("orientation", ALL)
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_clip_is_shown_as_its_matrix_says(tmp_path, suffix, orientation):
    path = turned_movie(tmp_path / f"a{suffix}", smooth(3), MATRICES[orientation])
    expected = np.stack([SHOWN[orientation](frame) for frame in smooth(3)])
    found = read_video(path)
    assert found.shape == expected.shape and psnr(expected, found) > 30


@pytest.mark.parametrize("orientation", ALL)
@pytest.mark.parametrize(
    ("codec", "pix_fmt", "options"),
    [
        ("libx264", "yuv420p", {"crf": "8"}),
        ("libvpx-vp9", "yuva420p", {"crf": "8", "b": "0", "auto-alt-ref": "0", "lag-in-frames": "0"}),
        ("ffv1", "bgra", {}),
    ],
)
def test_a_matroska_clip_is_shown_as_its_projection_says(tmp_path, codec, pix_fmt, options, orientation):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, 8, options=options)
        if not hasattr(stream, "set_display_matrix"):
            pytest.skip("this av writes no matrix")
        stream.width, stream.height, stream.pix_fmt = 64, 48, pix_fmt
        a, b, c, d = (v * 65536 for v in MATRICES[orientation])
        stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
        for frame in smooth(3):
            opaque = np.dstack([frame, np.full(frame.shape[:2], 255, np.uint8)])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(opaque, format="rgba")))
        container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        if not any(d.type.name == "DISPLAYMATRIX" for d in next(container.decode(video=0)).side_data):
            pytest.skip("matroska keeps no such matrix")
    expected = np.stack([SHOWN[orientation](frame) for frame in smooth(3)])
    assert psnr(expected, read_video(path)) > 30


@pytest.mark.parametrize(("degrees", "orientation"), [("90", 6), ("180", 3), ("270", 8), ("-90", 8)])
def test_the_turn_in_an_older_clip_s_tag_counts(tmp_path, degrees, orientation):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", 8, options={"crf": "8"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.metadata["rotate"] = degrees
        container.mux(stream.encode(av.VideoFrame.from_ndarray(smooth(1)[0], format="rgb24")))
        container.mux(stream.encode(None))
    assert psnr(SHOWN[orientation](smooth(1)[0]), read_video(path)[0]) > 30


def test_a_slanted_clip_is_refused(tmp_path):
    refused(turned_movie(tmp_path / "a.mp4", smooth(2), (0.7, 0.7, -0.7, 0.7)), "a turn by a multiple of 90")


@pytest.mark.parametrize("orientation", ALL)
def test_a_mask_is_turned_as_the_picture_it_was_drawn_on(tmp_path, orientation):
    left = np.zeros((48, 64), np.uint8)
    left[:24, :32] = 255
    expected = SHOWN[orientation](left) / 255
    size = ClipSize(2, *expected.shape)
    (tmp_path / "folder").mkdir()
    for name in ("m.png", "folder/0.png", "folder/1.png"):
        oriented(tmp_path / name, left, orientation)
    assert np.array_equal(read_region(str(tmp_path / "m.png"), size), expected)
    assert np.array_equal(read_region(str(tmp_path / "folder"), size), [expected] * 2)
    path = turned_movie(tmp_path / "m.mp4", [left[..., None].repeat(3, -1)] * 2, MATRICES[orientation])
    assert np.array_equal(read_region(str(path), size), [expected] * 2)


@pytest.mark.parametrize("aspect", ["1/20", "17"])
def test_pixels_that_no_picture_has_are_refused(tmp_path, aspect):
    path = timed_movie(tmp_path / "a.mp4", "libx264", smooth(2), aspect=Fraction(aspect))
    with pytest.raises(MediaError, match="pixels at most 16 times as wide as high"):
        read_video(path)


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv"])
@pytest.mark.parametrize(("aspect", "size"), [("2", (48, 128)), ("1/2", (96, 64)), ("4/3", (48, 85))])
def test_pixels_that_are_no_squares_become_squares(tmp_path, name, aspect, size):
    path = timed_movie(tmp_path / name, "libx264", smooth(2), aspect=Fraction(aspect))
    assert read_video(path).shape == (2, *size, 3)


def test_square_pixels_are_turned_after_they_are_made(tmp_path):
    path = timed_movie(tmp_path / "a.mp4", "libx264", smooth(2), aspect=Fraction(2))
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    data[at : at + 36] = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    assert read_video(path).shape == (2, 128, 48, 3)


def test_an_avif_is_read_whole_and_a_heic_is_refused(tmp_path):
    picture = smooth(1)[0].repeat(8, 0).repeat(8, 1)
    Image.fromarray(picture).save(tmp_path / "a.avif", quality=90)
    assert psnr(picture[None], read_video(tmp_path / "a.avif")) > 30
    clip = raw_movie(tmp_path / "a.mp4", "libx264", smooth(1))
    data = bytearray(clip.read_bytes())
    for brand in (b"heic", b"mif1", b"hevc"):
        data[8:12] = brand
        (tmp_path / "a.heic").write_bytes(data)
        refused(tmp_path / "a.heic", "a HEIC picture; convert it to jpg or png")


def see_through(alpha):
    picture = np.zeros((8, 8, 4), np.uint8)
    picture[..., 0], picture[..., 3] = 200, alpha
    return picture


@pytest.mark.parametrize(
    ("alpha", "colour"), [(255, [200, 0, 0]), (0, [255, 255, 255]), (51, [244, 204, 204])]
)
@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_what_is_transparent_in_a_picture_lies_on_white_and_it_is_said(tmp_path, suffix, alpha, colour):
    Image.fromarray(see_through(alpha)).save(tmp_path / f"a{suffix}", lossless=True, exact=True)
    said: list[str] = []
    found = read_video(tmp_path / f"a{suffix}", tell=said.append)
    assert np.abs(found.astype(int) - colour).max() <= 1
    assert ["on white" in line for line in said] == [True] * (alpha < 255)


def test_what_is_transparent_in_a_clip_lies_on_black(tmp_path):
    path = timed_movie(tmp_path / "a.mov", "png", [see_through(0), see_through(255)], pix_fmt="rgba")
    said: list[str] = []
    found = read_video(path, tell=said.append)
    assert found[0].max() == 0 and found[1, 0, 0].tolist() == [200, 0, 0] and "on black" in said[0]


def test_a_picture_of_any_mode_has_its_colours(tmp_path):
    red = Image.new("RGB", (8, 8), (200, 0, 0))
    red.convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    red.quantize(4).save(tmp_path / "p.png")
    Image.fromarray(np.full((8, 8), 51400, np.uint16)).save(tmp_path / "g.png")
    for name, colour in (("a.jpg", [200, 0, 0]), ("p.png", [200, 0, 0]), ("g.png", [200, 200, 200])):
        assert np.abs(read_video(tmp_path / name)[0, 4, 4].astype(int) - colour).max() <= 4, name


CROPS = [(8, 0, 6, 0), (0, 8, 0, 6), (16, 2, 2, 4)]  # left, right, top, bottom


def several(path, first, second, default):
    """Two clips in one file; `default` is the number of the one that it calls so."""
    from av.stream import Disposition

    with av.open(str(path), "w") as container:
        streams = []
        for number, frames in enumerate((first, second)):
            stream = container.add_stream("libx264", 8, options={"crf": "8"})
            stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
            stream.disposition = Disposition.default if number == default else Disposition(0)
            streams.append(stream)
        for stream, frames in zip(streams, (first, second), strict=True):
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
@pytest.mark.parametrize(("sizes", "default", "read"), [("same", 1, 1), ("same", 0, 0), ("larger", 1, 1)])
def test_of_several_videos_the_one_that_players_show_is_read(tmp_path, suffix, sizes, default, read):
    clips = [255 - smooth(4), smooth(4)]
    if sizes == "larger":
        clips[0] = clips[0][:, ::2, ::2]
    said: list[str] = []
    found = read_video(several(tmp_path / f"a{suffix}", *clips, default), tell=said.append)
    assert found.shape == clips[read].shape and psnr(clips[read], found) > 30
    assert f"it holds 2 videos; number {read} is read" in said[0]


def test_of_several_videos_none_of_them_default_the_largest_is_read(tmp_path):
    path = several(tmp_path / "a.mkv", smooth(4)[:, ::2, ::2], smooth(4), None)
    assert psnr(smooth(4), read_video(path, tell=lambda _: None)) > 30


@pytest.mark.parametrize("crop", CROPS)
def test_a_stream_is_cropped_on_every_side_that_it_says(tmp_path, crop):
    from av.bitstream import BitStreamFilterContext

    whole = timed_movie(tmp_path / "a.mp4", "libx264", smooth(3, 64, 96), crf="8")
    left, right, top, bottom = crop
    said = f"h264_metadata=crop_left={left}:crop_right={right}:crop_top={top}:crop_bottom={bottom}"
    with av.open(str(whole)) as source, av.open(str(tmp_path / "b.mkv"), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        cropped = BitStreamFilterContext(said, source.streams.video[0], stream)
        for packet in source.demux(video=0):
            for part in cropped.filter(packet if packet.size else None):
                part.stream = stream
                container.mux(part)
    expected = smooth(3, 64, 96)[:, top : 64 - bottom, left : 96 - right]
    found = read_video(tmp_path / "b.mkv")
    assert found.shape == expected.shape and psnr(expected, found) > 30


def with_clap(path, crop):
    """A mov whose first sample description ends with a clean aperture."""
    left, right, top, bottom = crop
    wide, high = 96 - left - right, 64 - top - bottom
    # Twice the way from the picture's centre to that of what is shown, over 2.
    clap = struct.pack(">I4sIIIIiIiI", 40, b"clap", wide, 1, high, 1, left - right, 2, top - bottom, 2)
    data = bytearray(timed_movie(path, "libx264", smooth(3, 64, 96), crf="8").read_bytes())
    assert data.index(b"moov") > data.index(b"mdat")  # so that no place of a frame moves
    kinds = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1")
    places = [data.index(kind, data.index(b"moov")) - 4 for kind in kinds]
    end = places[-1] + int.from_bytes(data[places[-1] : places[-1] + 4], "big")
    data[end:end] = clap
    for at in places:
        data[at : at + 4] = (int.from_bytes(data[at : at + 4], "big") + len(clap)).to_bytes(4, "big")
    path.write_bytes(data)
    return path


def with_pixel_crop(path, crop):
    """A Matroska clip whose colours, 19 bytes, made room for what is to be cut away."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", 8, options={"crf": "8"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.color_trc = stream.codec_context.color_primaries = 1
        stream.codec_context.colorspace = stream.codec_context.color_range = 1
        for frame in smooth(3, 64, 96):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            container.mux(stream.encode(picture.reformat(format="yuv420p", dst_colorspace="ITU709")))
        container.mux(stream.encode(None))
    data = bytearray(path.read_bytes())
    at = data.index(b"\x55\xb0\x90")
    left, right, top, bottom = crop
    said = ((b"\x54\xcc", left), (b"\x54\xdd", right), (b"\x54\xbb", top), (b"\x54\xaa", bottom))
    data[at : at + 19] = b"".join(name + bytes([0x81, px]) for name, px in said) + b"\xec\x81\0"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("crop", CROPS)
@pytest.mark.parametrize(
    ("name", "way"), [("a.mp4", with_clap), ("a.mov", with_clap), ("a.mkv", with_pixel_crop)]
)
def test_what_a_container_says_is_cut_away(tmp_path, crop, name, way):
    left, right, top, bottom = crop
    expected = smooth(3, 64, 96)[:, top : 64 - bottom, left : 96 - right]
    found = read_video(way(tmp_path / name, crop))
    assert found.shape == expected.shape and psnr(expected, found) > 30


@pytest.mark.parametrize(("wide", "high"), [(0, 64), (96, 0), (200, 64), (1 << 31, 64)])
def test_an_aperture_that_is_none_cuts_nothing_away(tmp_path, wide, high):
    path = with_clap(tmp_path / "a.mp4", (8, 8, 8, 8))
    data = bytearray(path.read_bytes())
    at = data.index(b"clap") + 4
    data[at : at + 16] = struct.pack(">IIII", wide, 1, high, 1)
    path.write_bytes(data)
    assert read_video(path).shape == (3, 64, 96, 3)


@pytest.mark.parametrize(("curve", "name"), [(16, "PQ"), (18, "HLG"), (1, None)])
def test_colours_of_hdr_are_told(tmp_path, curve, name):
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", 8)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p10le"
        stream.codec_context.color_trc = curve
        for frame in smooth(2):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    said: list[str] = []
    read_video(tmp_path / "a.mp4", tell=said.append)
    assert [f"HDR ({name})" in line for line in said] == [True] * (name is not None)


def test_interlaced_frames_are_told_once(tmp_path):
    path = timed_movie(tmp_path / "a.mp4", "libx264", smooth(6), **{"x264-params": "interlaced=1"})
    said: list[str] = []
    read_video(path, tell=said.append)
    assert len(said) == 1 and "interlaced" in said[0] and "deinterlace it first" in said[0]


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.mp4", "libx264", "yuv444p"),
        ("a.mkv", "mpeg4", "yuv420p"),
        ("a.mov", "prores_ks", "yuv422p10le"),
    ],
)
@pytest.mark.parametrize("which", [3, 7])
def test_a_frame_that_a_decoder_would_patch_up_is_refused(tmp_path, name, codec, pix_fmt, which):
    frames = noisy(8, 64, 96)
    path = timed_movie(tmp_path / name, codec, frames, pix_fmt=pix_fmt)
    assert len(read_video(path)) == 8
    with av.open(str(path)) as container:
        at, size = [(p.pos, p.size) for p in container.demux(video=0) if p.size][which]
    data = bytearray(path.read_bytes())
    half = data.index(bytes(data[at : at + 8]), at) + size // 2
    data[half : half + size // 3] = np.random.default_rng(0).bytes(size // 3)
    path.write_bytes(data)
    refused(path, "a complete")
