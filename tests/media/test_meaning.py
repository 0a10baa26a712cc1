"""What a person sees as the region is the region, whatever a mask file holds; and which reading was taken is
said."""

import numpy as np
import pytest
from movies import noisy, timed_movie
from PIL import Image

from moft.errors import RequestError
from moft.media.mask import read_region, read_regions
from moft.media.region_text import mask_object, region_file
from moft.types import ClipSize

SIZE = ClipSize(8, 64, 64)
Y, X = np.mgrid[:64, :64]
DISK = (Y - 32) ** 2 + (X - 32) ** 2 < 15**2
LOW = (Y - 50) ** 2 + (X - 12) ** 2 < 8**2
TWO = DISK * 1 + LOW * 2
DAVIS = [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0] + [0] * (252 * 3)


def read(path, size=SIZE):
    said: list[str] = []
    return read_region(str(path), size, said.append), said


def palette(labels, colours=DAVIS):
    image = Image.fromarray(labels.astype(np.uint8), mode="P")
    image.putpalette(colours)
    return image


def rgba(light, alpha):
    rgb = np.broadcast_to(np.asarray(light, np.uint8), (64, 64)) if np.ndim(light) < 3 else None
    rgb = np.dstack([rgb] * 3) if rgb is not None else light
    return Image.fromarray(np.dstack([rgb, np.broadcast_to(alpha, (64, 64))]).astype(np.uint8))


def corners(alpha=0):
    found = np.full((64, 64), 255)
    found[:6, :6] = found[-6:, -6:] = found[:6, -6:] = alpha
    return found


PLAIN = {
    "grey": Image.fromarray((DISK * 255).astype(np.uint8)),
    "one bit": Image.fromarray(DISK),
    "16 bit": Image.fromarray((DISK * 65535).astype(np.uint16)),
    "transparent white": rgba(255, DISK * 255),
    "black silhouette": rgba(0, DISK * 255),
    "opaque": rgba(DISK * 255, 255),
    "alpha 254": rgba(DISK * 255, np.where(X + Y == 0, 254, 255)),
    "premultiplied": rgba(DISK * 255, DISK * 255),
    "cut out of a picture": rgba(noisy(1, 64, 64)[0], DISK * 255),
    "all transparent": rgba(DISK * 255, 0),
}
TOLD = {
    "0/1": (Image.fromarray(DISK.astype(np.uint8)), "label 1 taken"),
    "0/2": (Image.fromarray((DISK * 2).astype(np.uint8)), "label 2 taken"),
    "0/128": (Image.fromarray((DISK * 128).astype(np.uint8)), "label 128 taken"),
    "0/1, 16 bit": (Image.fromarray(DISK.astype(np.uint16)), "label 1 taken"),
    "12 of 16 bit": (Image.fromarray((DISK * 4095).astype(np.uint16)), "label 4095 taken"),
    "DAVIS": (palette(DISK), "label 1 taken"),
    "DAVIS, index 3": (palette(DISK * 3), "label 3 taken"),
    "a palette of black": (palette(DISK, [0] * 768), "label 1 taken"),
    "DAVIS in colours": (palette(DISK).convert("RGB"), "label 1 taken"),
    "label and undecided": (Image.fromarray((DISK * 1 + LOW * 255).astype(np.uint8)), "255 left out"),
    "rounded corners": (rgba(DISK * 255, corners()), "not its alpha"),
    "grey masks inside a frame": (rgba(DISK * 255, np.where((X < 4) | (X > 59), 0, 255)), "not its alpha"),
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_mask_as_most_are_is_read_without_a_word(tmp_path, name):
    PLAIN[name].save(tmp_path / "m.png")
    found, said = read(tmp_path / "m.png")
    assert np.array_equal(found, DISK) and not said


@pytest.mark.parametrize("name", TOLD)
def test_another_mask_is_the_region_that_is_seen_and_the_reading_is_said(tmp_path, name):
    image, words = TOLD[name]
    image.save(tmp_path / "m.png")
    found, said = read(tmp_path / "m.png")
    assert np.array_equal(found, DISK) and words in said[-1]


def test_soft_values_of_12_bit_reach_one(tmp_path):
    ramp = np.tile(np.linspace(0, 4095, 64), (64, 1)).round().astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / "m.png")
    found, said = read(tmp_path / "m.png")
    np.testing.assert_allclose(found, ramp / 4095, atol=0.003)
    assert "up to 4095 taken for white" in said[0]


def test_a_red_disk_counts_fully(tmp_path):
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 255 * DISK
    Image.fromarray(red).save(tmp_path / "m.png")
    assert np.array_equal(read(tmp_path / "m.png")[0], DISK)


@pytest.mark.parametrize("kind", ["grey", "palette", "colours", "16 bit"])
def test_objects_count_together_or_one_by_its_number(tmp_path, kind):
    image = {
        "grey": Image.fromarray(TWO.astype(np.uint8)),
        "palette": palette(TWO),
        "colours": palette(TWO).convert("RGB"),
        "16 bit": Image.fromarray(TWO.astype(np.uint16)),
    }[kind]
    path = tmp_path / "m.png"
    image.save(path)
    found, said = read(path)
    assert np.array_equal(found, TWO > 0) and f"objects 1, 2 taken together; {path}#1 is one alone" in said[0]
    for number, object_ in ((1, DISK), (2, LOW)):
        found, said = read(f"{path}#{number}")
        assert np.array_equal(found, object_) and not said
    with pytest.raises(RequestError, match="an object with the number 3, got 1, 2"):
        read(f"{path}#3")
    disk, rest = read_regions([f"{path}#1", "rest"], SIZE)
    assert np.array_equal(rest, 1 - disk)


def test_an_object_is_asked_only_of_labels(tmp_path):
    PLAIN["grey"].save(tmp_path / "m.png")
    with pytest.raises(RequestError, match="got a mask without labels"):
        read(f"{tmp_path / 'm.png'}#1")


def test_a_number_behind_a_name_is_no_part_of_it_unless_there_is_such_a_file(tmp_path):
    assert mask_object("m.png#2") == ("m.png", 2) and region_file("masks/#12") == "masks/"
    assert mask_object("m.png") == ("m.png", None) and mask_object("m#a.png") == ("m#a.png", None)
    (tmp_path / "m.png#2").touch()
    assert mask_object(str(tmp_path / "m.png#2")) == (str(tmp_path / "m.png#2"), None)


# ---------------------------------------------------------------- sequences


def entering():
    """A disk that comes in from the left; it is absent in the first two frames."""
    return [(Y - 32) ** 2 + (X + 20 - 10 * i) ** 2 < 15**2 for i in range(8)]


def growing():
    """A disk that fills the frame in the end."""
    return [(6 + 7 * i) ** 2 > (Y - 32) ** 2 + (X - 32) ** 2 for i in range(8)]


def images(way, disks):
    ways = {
        "white": lambda d: rgba(255, d * 255),
        "black": lambda d: rgba(0, d * 255),
        "labels": lambda d: Image.fromarray((d * 3).astype(np.uint8)),
        "palette": lambda d: palette(d * 2),
        "grey": lambda d: Image.fromarray((d * 255).astype(np.uint8)),
        "opaque once full": lambda d: rgba(0, d * 255).convert("RGB") if d.all() else rgba(0, d * 255),
    }
    return [ways[way](disk) for disk in disks]


@pytest.mark.parametrize("way", ["white", "black", "labels", "palette", "grey", "opaque once full"])
@pytest.mark.parametrize("disks", [entering(), growing()], ids=["entering", "growing"])
def test_a_sequence_is_read_in_one_way_from_its_first_picture_to_its_last(tmp_path, way, disks):
    for i, image in enumerate(images(way, disks)):
        image.save(tmp_path / f"{i}.png")
    assert np.array_equal(read(tmp_path)[0], disks)


def test_pictures_that_are_not_taken_decide_too(tmp_path):
    for i, image in enumerate(images("white", entering())):
        image.save(tmp_path / f"{i}.png")
    (tmp_path / "7.png").unlink()
    (tmp_path / "6.png").unlink()
    found, _ = read(tmp_path, ClipSize(2, 64, 64))
    assert np.array_equal(found, np.stack(entering())[[0, 5]])


@pytest.mark.parametrize("suffix", ["webp", "png", "gif"])
@pytest.mark.parametrize("way", ["white", "black", "grey", "labels"])
def test_an_animation_is_a_sequence(tmp_path, suffix, way):
    if suffix == "gif" and way in ("white", "black"):
        pytest.skip("gif's transparency is a colour's")
    first, *rest = images(way, entering())
    if suffix == "webp":
        first, *rest = (image.convert("RGBA") for image in (first, *rest))
    first.save(
        tmp_path / f"m.{suffix}", save_all=True, append_images=rest, lossless=True, exact=True, duration=100
    )
    assert np.array_equal(read(tmp_path / f"m.{suffix}")[0], entering())


CODECS = {
    "qtrle": ("m.mov", "argb", {}),
    "prores_ks": ("m.mov", "yuva444p10le", {"profile": "4444"}),
    "png": ("m.mov", "rgba", {}),
    "libvpx-vp9": ("m.webm", "yuva420p", {"auto-alt-ref": "0", "lag-in-frames": "0"}),
    "libvpx": ("m.webm", "yuva420p", {"auto-alt-ref": "0", "lag-in-frames": "0"}),
    "ffv1": ("m.mkv", "bgra", {}),
}


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("way", ["white", "black"])
def test_a_clip_with_alpha_is_read_by_its_alpha(tmp_path, codec, way):
    name, pix_fmt, options = CODECS[codec]
    frames = [np.asarray(image) for image in images(way, entering())]
    path = timed_movie(tmp_path / name, codec, frames, pix_fmt=pix_fmt, **options)
    found, _ = read(path)
    assert np.abs(found - np.stack(entering())).mean() < 0.01


@pytest.mark.parametrize("codec", CODECS)
def test_a_clip_whose_alpha_says_nothing_is_read_by_its_greys(tmp_path, codec):
    name, pix_fmt, options = CODECS[codec]
    frames = [np.asarray(rgba(disk * 255, 255)) for disk in entering()]
    path = timed_movie(tmp_path / name, codec, frames, pix_fmt=pix_fmt, **options)
    assert np.abs(read(path)[0] - np.stack(entering())).mean() < 0.02


@pytest.mark.parametrize(("area", "word"), [((1, 1), "nearly nothing"), ((64, 64), "covers all")])
def test_a_mask_of_nearly_nothing_or_all_is_told(tmp_path, area, word):
    mask = np.zeros((64, 64), np.uint8)
    mask[: area[0], : area[1]] = 255
    Image.fromarray(mask).save(tmp_path / "m.png")
    assert word in read(tmp_path / "m.png")[1][0]
