"""What a person sees as the region is the region, whatever a mask file holds; and which reading was taken is
said."""

from pathlib import Path

import numpy as np
import pytest
from movies import noisy, timed_movie
from PIL import Image

from moft.errors import MediaError, RequestError
from moft.media.mask import read_region, read_regions
from moft.media.region_text import clip_part, mask_object, region_file
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


def grey(values):
    return Image.fromarray(values.astype(np.uint8))


def colours(labels, *of, ground=(0, 0, 0)):
    return Image.fromarray(np.asarray([ground, *of], np.uint8)[labels])


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
    "white and a grey next to black": grey(np.where(DISK, 255, 1)),
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
    "0/85/170/255": (grey(DISK * 85 + LOW * 255), "objects 85, 255 taken together"),
    "instances": (grey(DISK * (1 + 5 * (Y // 4) + X // 4)), "taken together"),
    "two colours": (colours(DISK * 1 + LOW * 2, (230, 25, 75), (60, 180, 75)), "2 colours taken together"),
    "light and dark of a colour": (colours(DISK * 1 + LOW * 2, (37, 91, 0), (74, 182, 0)), "objects 91, 182"),
    "a quantised palette": (colours(DISK * 1 + LOW * 2, (9, 200, 7), (60, 9, 75)).quantize(3), "2 colours"),
    "laid over a picture": (rgba(np.dstack([DISK * 200, DISK * 30, DISK * 90]), DISK * 89), "alpha up to 89"),
    "grey masks inside a frame": (rgba(DISK * 255, np.where((X < 4) | (X > 59), 0, 255)), "not its alpha"),
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_mask_as_most_are_is_read_without_a_word(tmp_path, name):
    PLAIN[name].save(tmp_path / "m.png")
    found, said = read(tmp_path / "m.png")
    assert np.abs(found - DISK).max() < 0.005 and not said


@pytest.mark.parametrize("name", TOLD)
def test_another_mask_is_the_region_that_is_seen_and_the_reading_is_said(tmp_path, name):
    image, words = TOLD[name]
    image.save(tmp_path / "m.png")
    found, said = read(tmp_path / "m.png")
    both = "together" in words or "objects" in words or "colours" in words
    assert np.array_equal(found, DISK | LOW if both and name != "instances" else DISK) and words in said[-1]


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


@pytest.mark.parametrize(
    ("ground", "of"),
    [
        ((68, 1, 84), (253, 231, 37)),  # as matplotlib saves 0 and 1
        ((255, 255, 255), (255, 0, 0)),
        ((70, 70, 70), (0, 0, 142)),
    ],
)
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_colours_without_black_are_refused(tmp_path, ground, of, suffix):
    colours(DISK * 1, of, ground=ground).save(tmp_path / f"m{suffix}")
    with pytest.raises(MediaError, match="expected black around what is the region, got colours without"):
        read(tmp_path / f"m{suffix}")


def test_greys_that_count_in_part_are_told(tmp_path):
    band = ((Y - 32) ** 2 + (X - 32) ** 2 < 20**2) & ~DISK
    grey(DISK * 255 + band * 128).save(tmp_path / "m.png")
    found, said = read(tmp_path / "m.png")
    assert np.abs(found - DISK - band * 128 / 255).max() < 1e-6
    assert "greys count in part: 128 of 255 as 50%" in said[0]


def test_a_photograph_for_a_mask_is_told(tmp_path):
    few = np.random.default_rng(0).integers(20, 255, (8, 8)).astype(np.uint8)
    Image.fromarray(few).resize((64, 64), Image.Resampling.BICUBIC).save(tmp_path / "m.png")
    assert "most of it is grey and counts in part" in read(tmp_path / "m.png")[1][0]


@pytest.mark.parametrize("side", [64, 512])
@pytest.mark.parametrize("most", [255, 120])
def test_a_soft_mask_is_no_label_however_large(tmp_path, side, most):
    ramp = np.tile(np.linspace(0, most, side), (side, 1)).round()
    grey(ramp).save(tmp_path / "m.png")
    found, _ = read(tmp_path / "m.png", ClipSize(1, side, side))
    np.testing.assert_allclose(found, ramp / most, atol=0.01)


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


@pytest.mark.parametrize(
    ("later", "first"),
    [
        ([(128, 0, 0), (64, 128, 33)], "RGB"),  # the one is of the palette of DAVIS, the other is not
        ([(255, 255, 255), (255, 0, 0)], "RGB"),
        ([(255, 255, 255), (255, 0, 0)], "P"),  # the first pictures have nothing that is coloured
    ],
)
def test_what_comes_later_changes_nothing_of_what_was_there(tmp_path, later, first):
    for i in range(8):
        labels = np.where(LOW, 2, DISK) if i > 3 else DISK * 1
        image = colours(labels, *later)
        if first == "P":
            image = palette(labels, [0, 0, 0, *later[0], *later[1]])
        image.save(tmp_path / f"{i}.png")
    assert np.array_equal(read(tmp_path)[0], [DISK] * 4 + [DISK | LOW] * 4)


@pytest.mark.parametrize("of", [(255, 255, 255), (255, 0, 0), (128, 0, 0), (0, 0, 255), (128, 128, 128)])
@pytest.mark.parametrize("name", ["m.mp4", "m.gif"])
def test_what_a_codec_scatters_around_a_colour_is_the_region(tmp_path, of, name):
    frames = [np.asarray(colours(disk * 1, of)) for disk in entering()]
    if name == "m.mp4":
        timed_movie(tmp_path / name, "libx264", frames, crf="23")
    else:
        first, *rest = map(Image.fromarray, frames)
        first.save(tmp_path / name, save_all=True, append_images=rest, duration=125)
    assert np.abs(read(tmp_path / name)[0] - np.stack(entering())).mean() < 0.005


@pytest.mark.parametrize("side", [64, 320])
@pytest.mark.parametrize("quality", [5, 20, 50, 90])
@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif"])
def test_black_and_white_stays_so_however_much_a_picture_is_compressed(tmp_path, suffix, quality, side):
    y, x = np.mgrid[:side, :side]
    disk = (y - side / 2) ** 2 + (x - side / 3) ** 2 < (side / 4) ** 2
    grey(disk * 255).save(tmp_path / f"m{suffix}", quality=quality)
    found, _ = read(tmp_path / f"m{suffix}", ClipSize(1, side, side))
    assert ((found > 0.5) == disk).mean() > 0.99 and np.abs(found - disk).mean() < 0.06


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("m.mkv", "mpeg4", {"qmin": "31", "qmax": "31"}),
        ("m.mp4", "libx264", {"crf": "40"}),
        ("m.webm", "libvpx-vp9", {"crf": "60", "b": "0"}),
    ],
)
def test_black_and_white_stays_so_however_much_a_clip_is_compressed(tmp_path, name, codec, options):
    frames = [np.asarray(colours(disk * 1, (255, 255, 255))) for disk in entering()]
    path = timed_movie(tmp_path / name, codec, frames, **options)
    assert np.abs(read(path)[0] - np.stack(entering())).mean() < 0.02


def test_a_gif_s_first_picture_is_read_as_those_after_it(tmp_path):
    frames = [colours(np.where(LOW, 2, DISK), (230, 25, 75), (60, 180, 75)).rotate(5 * i) for i in range(8)]
    frames[0].save(tmp_path / "m.gif", save_all=True, append_images=frames[1:], duration=125, loop=0)
    assert np.array_equal(read(tmp_path / "m.gif")[0], [np.asarray(frame).any(-1) for frame in frames])


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


def test_a_part_of_a_clip_is_named_behind_it_unless_that_is_a_file(tmp_path: Path) -> None:
    for part in ("mover", "mover2", "mover12", "ground"):
        assert clip_part(f"a.mp4#{part}") == ("a.mp4", part) and clip_part(f"shots/#{part}") == (
            "shots/",
            part,
        )
    for text in ("a.mp4", "a.mp4#movers", "a.mp4#mover0", "a.mp4#mover100", "a.mp4#2", "#mover"):
        assert clip_part(text) == (text, None)
    (tmp_path / "a.mp4#mover").touch()
    assert clip_part(str(tmp_path / "a.mp4#mover")) == (str(tmp_path / "a.mp4#mover"), None)
