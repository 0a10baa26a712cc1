"""Clips, pictures and masks as arrays, whatever their names."""

import io
import subprocess
import sys

import av
import numpy as np
import pytest
from av.stream import Disposition
from movies import noisy, psnr, raw_movie, refused, smooth
from PIL import Image

from moft.errors import MediaError
from moft.media.mask import read_region
from moft.media.reading import read_video
from moft.types import ClipSize


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


def test_a_last_frame_that_is_cut_short_is_refused(tmp_path):
    path = raw_movie(tmp_path / "a.mov", "mjpeg", noisy(3), "yuvj420p", movflags="faststart")
    path.write_bytes(path.read_bytes()[:-200])
    refused(path, "a broken frame")


def song(path, cover=None):
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", 44100)
        picture = container.add_stream("png", 1) if cover is not None else None
        if picture is not None:
            picture.height, picture.width, picture.pix_fmt = *cover.shape[:2], "rgb24"
            picture.disposition = Disposition.attached_pic.value
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


RAMP = np.array([[0, 51], [102, 255]], np.uint8)


def greys(path):
    """Of a mask, at its own size, 0…255."""
    return (read_region(str(path), ClipSize(1, 2, 2)) * 255).round()


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
    assert np.array_equal(greys(tmp_path / "m.png"), RAMP)


def test_a_black_and_white_mask_is_0_or_1(tmp_path):
    mask_image("1").save(tmp_path / "m.png")
    assert greys(tmp_path / "m.png").tolist() == [[0, 0], [255, 255]]


@pytest.mark.parametrize("alpha", [255, 0])
def test_alpha_that_says_nothing_leaves_luminance(tmp_path, alpha):
    image = mask_image("RGB")
    image.putalpha(alpha)
    image.save(tmp_path / "m.png")
    assert np.array_equal(greys(tmp_path / "m.png"), RAMP)


def test_a_truncated_mask_is_refused(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(noisy(1)[0]).save(buffer, format="png")
    (tmp_path / "m.png").write_bytes(buffer.getvalue()[:2000])
    with pytest.raises(MediaError, match="truncated"):
        greys(tmp_path / "m.png")


def test_importing_the_modules_loads_no_codec():
    code = "import sys, moft.media.reading, moft.media.writing; assert not {'av', 'PIL'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
