import io
import os
import struct
import subprocess
import sys
import zlib

import av
import numpy as np
import pytest
from av.stream import Disposition
from PIL import Image

from moft.errors import MediaError, MoftError
from moft.media import video as module
from moft.media.video import evenly, read_greys, read_video, side_by_side, write_video


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


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    write_video(path, smooth())
    return path


# ---------------------------------------------------------------- round trips


@pytest.mark.parametrize(("suffix", "least"), [(".mp4", 38), (".webm", 38), (".gif", 30), (".MP4", 38)])
def test_a_written_clip_reads_back_nearly_the_same(tmp_path, suffix, least):
    write_video(tmp_path / f"a{suffix}", smooth())
    back = read_video(tmp_path / f"a{suffix}")
    assert back.dtype == np.uint8 and back.shape == smooth().shape
    assert psnr(smooth(), back) > least


def test_flat_colours_come_back_without_a_tint(tmp_path):
    patch = np.zeros((2, 32, 96, 3), np.uint8)
    for index, colour in enumerate([(200, 30, 40), (20, 180, 60), (30, 50, 220)]):
        patch[:, :, 32 * index : 32 * index + 32] = colour
    write_video(tmp_path / "a.mp4", patch)
    difference = np.abs(read_video(tmp_path / "a.mp4")[:, :, 16::32].astype(int) - patch[:, :, 16::32])
    assert difference.max() <= 3


def test_mp4_is_tagged_with_the_colours_it_was_converted_to(clip):
    with av.open(str(clip)) as container:
        context = container.streams.video[0].codec_context
        tags = context.colorspace, context.color_range, context.color_primaries, context.color_trc
        assert (context.pix_fmt, *tags) == ("yuv420p", 1, 1, 1, 1)


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
@pytest.mark.parametrize(("height", "width"), [(47, 64), (48, 63), (45, 61), (1, 1)])
def test_an_odd_side_gains_one_repeated_pixel(tmp_path, suffix, height, width):
    video = smooth(2, height, width)
    write_video(tmp_path / f"a{suffix}", video)
    back = read_video(tmp_path / f"a{suffix}")
    even = np.pad(video, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    assert back.shape == even.shape
    assert psnr(even, back) > 30


def test_gif_keeps_odd_sides(tmp_path):
    write_video(tmp_path / "a.gif", smooth(3, 45, 61))
    assert read_video(tmp_path / "a.gif").shape == (3, 45, 61, 3)


@pytest.mark.parametrize("fps", [8, 7.5, 30])
def test_fps_is_kept(tmp_path, fps):
    write_video(tmp_path / "a.mp4", smooth(), fps=fps)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert float(container.streams.video[0].average_rate) == fps


def test_gif_times_do_not_drift(tmp_path):
    write_video(tmp_path / "a.gif", smooth(24), fps=24)
    with Image.open(tmp_path / "a.gif") as image:
        total = 0
        for index in range(image.n_frames):
            image.seek(index)
            total += image.info["duration"]
    assert total == 1000


def test_a_still_gif_is_one_long_frame(tmp_path):
    write_video(tmp_path / "a.gif", np.repeat(smooth(1), 4, 0), fps=8)
    assert len(read_video(tmp_path / "a.gif")) == 1
    with Image.open(tmp_path / "a.gif") as image:
        assert image.info["duration"] == 500


def test_metadata_survives_mp4(tmp_path):
    tags = {"moft.prompt": "a red ball, größer = besser", "seed": "7"}
    write_video(tmp_path / "a.mp4", smooth(), metadata=tags)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert tags.items() <= container.metadata.items()


def test_metadata_goes_to_webm_tags_and_gif_comment(tmp_path):
    for suffix in (".webm", ".gif"):
        write_video(tmp_path / f"a{suffix}", smooth(), metadata={"seed": "7"})
    with av.open(str(tmp_path / "a.webm")) as container:
        assert container.metadata["SEED"] == "7"
    with Image.open(tmp_path / "a.gif") as image:
        assert image.info["comment"] == b"seed=7"


def test_mp4_falls_back_to_mpeg4_where_libx264_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(av, "codecs_available", av.codecs_available - {"libx264"})
    write_video(tmp_path / "a.mp4", smooth())
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "mpeg4"
    assert psnr(smooth(), read_video(tmp_path / "a.mp4")) > 35


def test_a_missing_encoder_is_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.setattr(av, "codecs_available", set())
    with pytest.raises(MediaError, match="libx264, mpeg4.*reinstall"):
        write_video(tmp_path / "a.mp4", smooth())
    assert os.listdir(tmp_path) == []


# ---------------------------------------------------------------- choosing frames and size


def test_frames_start_and_stride_choose_frames_of_the_file(clip):
    whole = read_video(clip)
    assert np.array_equal(read_video(clip, frames=2, start=1, stride=2), whole[[1, 3]])
    assert np.array_equal(read_video(clip, start=1, stride=2), whole[1::2])


def test_a_clip_that_is_too_short_says_how_long_it_is(clip):
    assert len(read_video(clip, frames=3, start=1, stride=2)) == 3
    with pytest.raises(MediaError, match="at least 7 frames.*a clip of 6"):
        read_video(clip, frames=4, stride=2)
    with pytest.raises(MediaError, match="at least 7 frames.*a clip of 6"):
        read_video(clip, start=6)


@pytest.mark.parametrize(
    "request_",
    [{"frames": 0}, {"frames": 1.5}, {"start": -1}, {"stride": 0}, {"size": (0, 4)}, {"size": (4,)}],
)
def test_a_senseless_request_is_refused(clip, request_):
    with pytest.raises(MediaError, match=next(iter(request_))):
        read_video(clip, **request_)


def test_size_crops_the_centre_before_it_scales(tmp_path):
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[:, :20], picture[:, 60:] = (255, 0, 0), (255, 0, 0)
    Image.fromarray(picture).save(tmp_path / "a.png")
    assert read_video(tmp_path / "a.png", size=(20, 20))[:, :, 1:-1].max() == 0
    assert read_video(tmp_path / "a.png", size=(20, 40))[0, 10, 0].tolist() == [255, 0, 0]


def test_scaling_down_averages_instead_of_picking(tmp_path):
    checks = np.indices((64, 64)).sum(0)[..., None].repeat(3, 2) % 2 * 255
    Image.fromarray(checks.astype(np.uint8)).save(tmp_path / "a.png")
    assert np.abs(read_video(tmp_path / "a.png", size=(8, 8)).astype(int) - 127).max() <= 3


@pytest.mark.parametrize("size", [(7, 300), (301, 5), (48, 64), (187, 1)])
def test_any_size_can_be_asked_for(clip, size):
    assert read_video(clip, frames=1, size=size).shape == (1, *size, 3)


# ---------------------------------------------------------------- kinds of files


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_a_still_is_one_frame_whatever_its_name(tmp_path, kind):
    path = tmp_path / "still.mp4"
    Image.fromarray(smooth()[0]).save(path, format=kind)
    assert psnr(smooth()[:1], read_video(path)) > 25
    with pytest.raises(MediaError, match="a clip of 1"):
        read_video(path, frames=2)


def test_a_movie_is_read_whatever_its_name(clip, tmp_path):
    (tmp_path / "still.png").write_bytes(clip.read_bytes())
    assert np.array_equal(read_video(tmp_path / "still.png"), read_video(clip))


def test_animated_webp_yields_every_frame(tmp_path):
    first, *rest = (Image.fromarray(frame) for frame in smooth())
    first.save(tmp_path / "a.webp", save_all=True, append_images=rest, lossless=True)
    assert np.array_equal(read_video(tmp_path / "a.webp"), smooth())


def test_the_extra_picture_in_a_jpeg_is_no_frame(tmp_path):
    first, second = (Image.fromarray(frame) for frame in smooth(2))
    first.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[second])
    assert len(read_video(tmp_path / "a.jpg")) == 1


def test_a_16_bit_grey_image_is_scaled_and_not_clipped(tmp_path):
    Image.fromarray(np.array([[0, 32896, 65535]], np.uint16)).save(tmp_path / "a.png")
    assert read_video(tmp_path / "a.png")[0, 0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize(("name", "codec"), [("a.avi", "mpeg4"), ("a.mkv", "libx264"), ("a.mov", "libx264")])
def test_other_common_containers_are_read(tmp_path, name, codec):
    raw_movie(tmp_path / name, codec, smooth())
    assert read_video(tmp_path / name).shape == smooth().shape


# ---------------------------------------------------------------- hostile and broken files


def refused(path, match):
    with pytest.raises(MediaError, match=match) as caught:
        read_video(path)
    text = str(caught.value)
    assert "expected" in text and "got" in text and ";" in text
    return caught.value


def test_every_error_is_a_value_error():
    assert issubclass(MediaError, MoftError) and issubclass(MoftError, ValueError)


def test_an_ffconcat_script_named_mp4_is_refused(tmp_path, clip):
    path = tmp_path / "a.mp4"
    path.write_text(f"ffconcat version 1.0\nfile {clip}\n")
    refused(path, "starts with b'ffconcat")


def test_an_m3u8_playlist_named_mp4_is_refused(tmp_path, clip):
    path = tmp_path / "a.mp4"
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{clip}\n#EXT-X-ENDLIST\n")
    refused(path, "starts with b'#EXTM3U")


@pytest.mark.parametrize(
    "url", ["http://example.com/a.mp4", "concat:a.mp4|b.mp4", "file:/a.mp4", "subfile,,start,0,end,9,,:a.mp4"]
)
def test_an_address_is_refused(url, tmp_path):
    refused(url, "a local file, got an address")
    with pytest.raises(MediaError, match="an address"):
        write_video(url, smooth())


def test_a_file_name_with_a_colon_is_fine_behind_its_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "day:2").mkdir()
    for path in ("./take:1.mp4", "./day:2/a.mp4"):
        write_video(path, smooth())
        assert len(read_video(path)) == 6


def test_what_is_no_regular_file_is_refused(tmp_path):
    refused(tmp_path, "got a folder")
    refused(tmp_path / "absent.mp4", "got no file")
    os.mkfifo(tmp_path / "fifo.mp4")
    refused(tmp_path / "fifo.mp4", "an ordinary file")


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "a.mp4").touch()
    refused(tmp_path / "a.mp4", "an empty file")


def test_a_text_file_is_refused(tmp_path):
    (tmp_path / "a.mp4").write_text("once upon a time")
    refused(tmp_path / "a.mp4", "once upon a")


@pytest.mark.parametrize("kind", ["mp4", "webm", "avi", "mov", "mkv", "gif", "png", "jpeg", "webp"])
@pytest.mark.parametrize("part", [0.97, 0.5, 0.1, 0.02])
def test_a_truncated_file_is_refused(tmp_path, kind, part):
    path = tmp_path / f"a.{kind}"
    if kind in ("avi", "mov", "mkv"):
        raw_movie(path, "mpeg4", noisy(8))
    elif kind in ("png", "jpeg", "webp"):
        Image.fromarray(noisy(1)[0]).save(path)
    else:
        write_video(path, noisy(8))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    refused(path, "cannot read")


def test_a_last_frame_that_is_cut_short_is_refused(tmp_path):
    path = raw_movie(tmp_path / "a.mov", "mjpeg", noisy(3), "yuvj420p", movflags="faststart")
    path.write_bytes(path.read_bytes()[:-200])
    refused(path, "a broken frame")


def test_a_movie_is_opened_with_its_own_demuxer_and_no_protocol(clip, monkeypatch):
    seen, open_ = [], av.open

    def spy(file, **kwargs):
        seen.append((kwargs["format"], kwargs["options"]["protocol_whitelist"], isinstance(file, io.IOBase)))
        return open_(file, **kwargs)

    monkeypatch.setattr(av, "open", spy)
    read_video(clip)
    assert seen == [("mov", "none", True)]


@pytest.mark.parametrize(
    "head", [b"\0\0\0\x18ftypisom", b"\x1a\x45\xdf\xa3\x9f", b"RIFF\0\0\0\0AVI ", b"GIF89a"]
)
def test_noise_behind_a_valid_magic_is_refused(tmp_path, head):
    (tmp_path / "a.mp4").write_bytes(head + noisy(1).tobytes())
    error = refused(tmp_path / "a.mp4", "cannot read")
    assert error.__cause__ is not None or "sound only" in str(error)


def song(path, cover=None):
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", 44100)
        picture = container.add_stream("png", 1) if cover is not None else None
        if picture is not None:
            picture.height, picture.width, picture.pix_fmt = *cover.shape[:2], "rgb24"
            picture.disposition = Disposition.attached_pic
            container.mux(picture.encode(av.VideoFrame.from_ndarray(cover, format="rgb24")))
        for index in range(4):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, 1024 * index
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))


def test_an_audio_only_file_is_refused(tmp_path):
    song(tmp_path / "a.mp4")
    refused(tmp_path / "a.mp4", "sound only")


def test_cover_art_makes_no_clip_of_a_song(tmp_path):
    song(tmp_path / "a.mp4", cover=smooth()[0])
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].disposition & Disposition.attached_pic
    refused(tmp_path / "a.mp4", "sound only")


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
            read_greys(path)


def test_a_gif_frame_that_enlarges_the_canvas_is_refused(tmp_path):
    write_video(tmp_path / "a.gif", smooth(2))
    data = bytearray((tmp_path / "a.gif").read_bytes())
    second = data.rindex(b"\x2c\0\0\0\0" + struct.pack("<HH", 64, 48))
    data[second + 5 : second + 9] = struct.pack("<HH", 9000, 9000)
    (tmp_path / "a.gif").write_bytes(data)
    refused(tmp_path / "a.gif", "9000 x 9000")


def test_a_movie_above_the_pixel_limit_is_refused(clip, monkeypatch):
    monkeypatch.setattr(module, "MAX_PIXELS", 48 * 64 - 1)
    refused(clip, "at most 3071 pixels in a frame, got 64 x 48")


def test_a_movie_that_outgrows_its_header_is_refused_while_it_decodes(tmp_path, monkeypatch):
    small, large = noisy(1, 32, 32), noisy(1, 64, 64)
    path = raw_movie(tmp_path / "a.avi", "mjpeg", [small[0], large[0]], "yuvj420p")
    assert read_video(path, size=(16, 16)).shape == (2, 16, 16, 3)
    refused(path, "32 x 32, got 64 x 64 at frame 1")
    monkeypatch.setattr(module, "MAX_PIXELS", 40 * 40)
    with pytest.raises(MediaError, match="avcodec"):
        read_video(path, size=(16, 16))


def test_a_result_above_the_budget_is_refused_before_decoding(clip, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 6 * 48 * 64 * 3 - 1)
    monkeypatch.setattr(module, "fit", lambda *_: pytest.fail("decoded"))
    refused(clip, "6 frames of 48 x 64")


def test_a_result_above_the_budget_is_refused_while_decoding_if_the_header_is_silent(tmp_path, monkeypatch):
    write_video(tmp_path / "a.webm", smooth())
    monkeypatch.setattr(module, "MAX_BYTES", 3 * 48 * 64 * 3)
    refused(tmp_path / "a.webm", "4 frames of 48 x 64")
    assert len(read_video(tmp_path / "a.webm", frames=3)) == 3
    assert len(read_video(tmp_path / "a.webm", size=(24, 32))) == 6


def test_an_unreadable_file_is_one_clear_error(clip, monkeypatch):
    def fail(*_, **__):
        raise PermissionError("not yours")

    monkeypatch.setattr("builtins.open", fail)
    with pytest.raises(MediaError, match="PermissionError: not yours") as caught:
        read_video(clip)
    assert isinstance(caught.value.__cause__, PermissionError)


# ---------------------------------------------------------------- writing


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


def test_an_unknown_suffix_lists_the_known_ones(tmp_path):
    for name in ("a.mkv", "a", "a.png"):
        with pytest.raises(MediaError, match=r"\.mp4, \.webm, \.gif"):
            write_video(tmp_path / name, smooth())


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(MediaError, match="existing folder.*absent.*create it"):
        write_video(tmp_path / "absent" / "a.mp4", smooth())


@pytest.mark.parametrize(
    ("name", "fps"), [("a.mp4", 0), ("a.mp4", -1), ("a.mp4", float("nan")), ("a.gif", 60)]
)
def test_an_impossible_fps_is_refused(tmp_path, name, fps):
    with pytest.raises(MediaError, match="fps"):
        write_video(tmp_path / name, smooth(), fps=fps)


@pytest.mark.parametrize("suffix", ["mp4", "webm", "gif"])
def test_a_failing_write_leaves_nothing_and_keeps_what_was_there(tmp_path, monkeypatch, suffix):
    existing = tmp_path / f"old.{suffix}"
    write_video(existing, smooth())
    before = existing.read_bytes()

    def fail(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    for path in (existing, tmp_path / f"new.{suffix}"):
        with pytest.raises(MediaError, match="cannot write .*disk full"):
            write_video(path, smooth()[::-1])
    assert os.listdir(tmp_path) == [existing.name]
    assert existing.read_bytes() == before


def test_an_encoder_that_fails_halfway_leaves_nothing(tmp_path, monkeypatch):
    seen = []

    def fail(*args, **kwargs):
        seen.extend(os.listdir(tmp_path))
        raise RuntimeError("broken encoder")

    monkeypatch.setattr(np, "pad", fail)
    with pytest.raises(MediaError, match="broken encoder"):
        write_video(tmp_path / "a.mp4", smooth())
    assert "a.mp4" not in seen
    assert os.listdir(tmp_path) == []


def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_video(tmp_path / "a.gif", smooth())
    assert os.listdir(tmp_path) == []


def test_a_written_file_has_ordinary_permissions(tmp_path):
    write_video(tmp_path / "a.mp4", smooth())
    (tmp_path / "plain").touch()
    assert (tmp_path / "a.mp4").stat().st_mode == (tmp_path / "plain").stat().st_mode


# ---------------------------------------------------------------- masks


RAMP = np.array([[0, 51], [102, 255]], np.uint8)


def mask_image(mode):
    grey = Image.fromarray(RAMP)
    if mode == "1":
        return Image.fromarray(RAMP > 60)
    if mode == "P":
        image = Image.new("P", (2, 2))
        image.putpalette([value for grey in (0, 51, 102, 255) for value in (grey, grey, grey)])
        image.putdata([0, 1, 2, 3])
        return image
    if mode == "RGBA":
        return Image.merge("RGBA", [Image.new("L", (2, 2), 9)] * 3 + [grey])
    if mode == "LA":
        return Image.merge("LA", [Image.new("L", (2, 2), 9), grey])
    if mode == "I;16":
        return Image.fromarray(RAMP.astype(np.uint16) * 257)
    return grey.convert(mode)


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA", "LA", "I;16"])
def test_a_mask_of_any_mode_is_read_in_0_to_1(tmp_path, mode):
    mask_image(mode).save(tmp_path / "m.png")
    with Image.open(tmp_path / "m.png") as image:
        assert image.mode == mode
    greys = read_greys(tmp_path / "m.png")
    assert greys.dtype == np.uint8 and np.array_equal(greys, RAMP[None])


def test_a_black_and_white_mask_is_0_or_1(tmp_path):
    mask_image("1").save(tmp_path / "m.png")
    assert read_greys(tmp_path / "m.png").tolist() == [[[0, 0], [255, 255]]]


@pytest.mark.parametrize("alpha", [255, 0])
def test_alpha_that_says_nothing_leaves_luminance(tmp_path, alpha):
    image = mask_image("RGB")
    image.putalpha(alpha)
    image.save(tmp_path / "m.png")
    assert np.array_equal(read_greys(tmp_path / "m.png"), RAMP[None])


def test_the_masks_of_a_clip_are_its_luminance(clip):
    greys = read_greys(clip)
    expected = np.stack([np.asarray(Image.fromarray(frame).convert("L")) for frame in read_video(clip)])
    assert greys.dtype == np.uint8 and np.array_equal(greys, expected)


def test_evenly_keeps_both_ends_and_repeats_what_is_too_few():
    assert evenly(5, 3).tolist() == [0, 2, 4] and evenly(2, 4).tolist() == [0, 0, 1, 1]
    assert evenly(3, 3).tolist() == [0, 1, 2] and evenly(7, 1).tolist() == [0]


def test_a_truncated_mask_is_refused(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(noisy(1)[0]).save(buffer, format="png")
    (tmp_path / "m.png").write_bytes(buffer.getvalue()[:2000])
    with pytest.raises(MediaError, match="truncated"):
        read_greys(tmp_path / "m.png")


# ---------------------------------------------------------------- side by side and imports


def test_side_by_side_leaves_a_white_gap():
    left, right = np.zeros((2, 8, 10, 3), np.uint8), np.full((2, 8, 6, 3), 7, np.uint8)
    both = side_by_side(left, right)
    gap = both.shape[2] - 16
    assert both.shape[:2] == (2, 8) and both.dtype == np.uint8 and 0 < gap < 10
    assert np.array_equal(both[:, :, :10], left) and np.array_equal(both[:, :, 10 + gap :], right)
    assert (both[:, :, 10 : 10 + gap] == 255).all()
    assert np.array_equal(side_by_side(left), left)


def test_side_by_side_refuses_what_does_not_line_up():
    for videos in ((), (smooth(2), smooth(3)), (smooth(2, 8), smooth(2, 9)), (smooth(2) / 255,)):
        with pytest.raises(MediaError, match="cannot join"):
            side_by_side(*videos)


def test_importing_the_module_loads_no_codec():
    code = "import sys, moft.media.video; assert not {'av', 'PIL'} & set(sys.modules), sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
