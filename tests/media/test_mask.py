"""Where a request counts: every text form, how masks come to the clip's size, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from moft.errors import MediaError, MoftError, RequestError
from moft.media.mask import (
    check_agreement,
    check_region,
    fit_region,
    read_region,
    read_regions,
)
from moft.media.region_text import masks_in
from moft.media.writing import write_video
from moft.request.motion import Motion
from moft.types import ClipSize

CLIP = ClipSize(8, 64, 64)
LEFT = np.repeat([[1.0] * 32 + [0.0] * 32], 64, 0).astype(np.float32)


def paint(path: Path, mask: np.ndarray) -> str:
    Image.fromarray((mask * 255).astype(np.uint8)).save(path)
    return str(path)


def silent(_: str) -> None:
    pytest.fail("nothing was resampled")


def read(text: str, clip: ClipSize = CLIP) -> np.ndarray:
    return read_region(text, clip, tell=silent)


# ---------------------------------------------------------------- drawn


@pytest.mark.parametrize(
    "text",
    [
        "box:0,0,50%,100%",
        "box:0,0,32,64",
        "box:0px, 0 px ,32px,64px",
        "box:-10,-10,42,200%",
        "polygon:0,0;50%,0;50%,100%;0,100%",
        "polygon:0,64;32,64;32,0;0,0",
    ],
)
def test_a_half_is_a_half_in_every_form(text: str) -> None:
    found = read(text)
    assert found.dtype == np.float32 and np.array_equal(found, LEFT)


def test_x_goes_right_and_y_down_whatever_the_shape() -> None:
    found = read("box:25%,10,50%,5", ClipSize(2, 20, 40))
    assert np.array_equal(np.argwhere(found).min(0), [10, 10]) and np.array_equal(
        np.argwhere(found).max(0), [14, 29]
    )


def test_a_box_covers_parts_of_pixels() -> None:
    found = read("box:1.5,2,1.25,1")
    assert found[2, 1:4].tolist() == [0.5, 0.75, 0] and found.sum() == 1.25


def test_a_polygon_covers_the_area_that_geometry_says() -> None:
    corners = np.array([[10.3, 5.1], [50.2, 20.7], [30.9, 58.4]])
    (ax, ay), (bx, by) = corners[1] - corners[0], corners[2] - corners[0]
    found = read("polygon:" + ";".join(f"{x},{y}" for x, y in corners))
    assert found.sum() == pytest.approx(abs(ax * by - ay * bx) / 2, rel=0.02)
    centre = (found[..., None] * np.stack(np.meshgrid(*[np.arange(64) + 0.5] * 2), -1)).sum(
        (0, 1)
    ) / found.sum()
    assert centre == pytest.approx(corners.mean(0), abs=0.1)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("box:1,2,3", "four numbers"),
        ("box:1,2;3,4", "four numbers"),
        ("box:", "four numbers"),
        ("box:a,b,c,d", "plain numbers"),
        ("box:nan,0,1,1", "plain numbers"),
        ("box:1e999,0,1,1", "plain numbers"),
        ("box:0,0,inf,1", "plain numbers"),
        ("box:0,0,0,5", "above 0"),
        ("box:0,0,-5,5", "above 0"),
        ("polygon:0,0;1,1", "3 to 1000 corners"),
        ("polygon:0,0;1,1;2", "3 to 1000 corners"),
        ("polygon:" + ";".join(["1,1"] * 1001), "3 to 1000 corners"),
        ("box:64,0,9,9", "inside the clip of 64 x 64"),
        ("box:-9,0,9,9", "inside the clip"),
        ("polygon:100,100;200,100;200,200", "inside the clip"),
        ("rest", "another request"),
        ("", "a region"),
        ("  ", "a region"),
    ],
)
def test_what_is_no_region_is_refused_and_named(text: str, word: str) -> None:
    with pytest.raises(RequestError, match=word) as error:
        read(text)
    assert text.strip()[:100] in str(error.value)


def test_what_no_clip_can_make_a_region_is_refused_before_one_is_there(tmp_path: Path) -> None:
    for text in ("box:1,2,3", "polygon:0,0", "box:0,0,0,0"):
        with pytest.raises(RequestError):
            check_region(text)
    for array in (
        np.zeros((4, 4)),
        np.full((4, 4), np.nan),
        np.ones(4),
        np.full((2, 2), 2.0),
        np.ones((0, 3)),
        [[1], [1, 2]],
        "x",
    ):
        with pytest.raises(MoftError):
            check_region(array)  # type: ignore[arg-type]
    with pytest.raises(MediaError, match="none.png"):
        check_region(str(tmp_path / "none.png"))
    check_region("box:9000,0,1,1")  # some clip may be as wide
    check_region("rest")


# ---------------------------------------------------------------- masks


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGB", "RGBA"])
def test_a_picture_of_any_mode_is_a_mask(tmp_path: Path, mode: str) -> None:
    Image.fromarray((LEFT * 255).astype(np.uint8)).convert(mode).save(tmp_path / "m.png")
    assert np.array_equal(read(str(tmp_path / "m.png")), LEFT)


def test_alpha_counts_where_there_is_one(tmp_path: Path) -> None:
    picture = np.full((64, 64, 4), 255, np.uint8)
    picture[..., 3] = 255 * LEFT
    Image.fromarray(picture).save(tmp_path / "m.png")
    assert np.array_equal(read(str(tmp_path / "m.png")), LEFT)


def test_a_mask_of_the_clip_s_shape_is_resized(tmp_path: Path) -> None:
    large = paint(tmp_path / "m.png", LEFT.repeat(4, 0).repeat(4, 1))
    np.testing.assert_allclose(read(large), LEFT, atol=0.1)
    wide = read(
        paint(tmp_path / "w.png", np.eye(480, 854)[:, ::-1]), ClipSize(2, 720, 1280)
    )  # 854 is 853.3, rounded
    assert wide.shape == (720, 1280) and wide.min() >= 0 and wide.max() <= 1


def test_a_mask_of_another_shape_is_refused_with_both_sizes(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"m.png: expected.*64 x 64 px, got 80 x 40 px"):
        read(paint(tmp_path / "m.png", np.ones((40, 80))))


def test_a_mask_that_selects_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="m.png.*zero everywhere"):
        read(paint(tmp_path / "m.png", 0 * LEFT))


def moving(frames: int) -> np.ndarray:
    """A bar that goes right by a sixteenth a frame."""
    bars = np.zeros((frames, 64, 64), np.float32)
    for i in range(frames):
        bars[i, :, 4 * i : 4 * i + 4] = 1
    return bars


def test_a_folder_holds_a_mask_a_frame_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for i, mask in enumerate(moving(12)):
        paint(tmp_path / f"mask_{i}.png", mask)
    (tmp_path / ".hidden").write_text("no picture")
    assert [Path(name).name for name in masks_in(tmp_path)] == [f"mask_{i}.png" for i in range(12)]
    assert np.array_equal(read(str(tmp_path), ClipSize(12, 64, 64)), moving(12))


def test_masks_are_spread_over_the_frames_and_it_is_said(tmp_path: Path) -> None:
    for i, mask in enumerate(moving(4)):
        paint(tmp_path / f"{i}.png", mask)
    said: list[str] = []
    found = read_region(str(tmp_path), CLIP, tell=said.append)
    assert np.array_equal(found, moving(4)[[0, 0, 1, 1, 2, 2, 3, 3]])
    assert said == [f"{tmp_path}: 4 masks spread over 8 frames"]
    with pytest.warns(UserWarning, match="4 masks spread over 8 frames"):
        read_region(str(tmp_path), CLIP)


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_a_clip_of_masks_is_black_and_white(tmp_path: Path, suffix: str) -> None:
    write_video(tmp_path / f"m{suffix}", (moving(8)[..., None].repeat(3, -1) * 255).astype(np.uint8))
    assert np.array_equal(read(str(tmp_path / f"m{suffix}")), moving(8))


def test_one_mask_in_a_folder_holds_for_all_frames(tmp_path: Path) -> None:
    paint(tmp_path / "m.png", LEFT)
    assert read(str(tmp_path)).shape == (64, 64)


def test_folders_without_masks_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MediaError, match="got none"):
        read(str(tmp_path))
    (tmp_path / "a.txt").write_text("no picture")
    with pytest.raises(MediaError, match="a.txt"):
        read(str(tmp_path))
    monkeypatch.setattr("moft.media.region_text.MAX_FILES", 1)
    (tmp_path / "b.txt").write_text("no picture")
    with pytest.raises(MediaError, match="1 to 1 pictures.*got 2"):
        read(str(tmp_path))


@pytest.mark.parametrize("text", ["http://host/m.png", "concat:a|b", "mask.png\0"])
def test_an_address_is_no_mask(text: str) -> None:
    with pytest.raises(MediaError):
        read(text)


def test_a_region_in_a_clip_is_cropped_as_the_clip_is() -> None:
    wide = np.zeros((40, 80), np.float32)
    wide[:, 20:40] = 1  # the left half of the middle
    found = fit_region(wide, ClipSize(1, 20, 20))
    np.testing.assert_allclose(found[:, [2, 4, 15, 19]], [[1, 1, 0, 0]] * 20, atol=0.02)
    assert fit_region(np.stack([wide] * 3), ClipSize(1, 20, 20)).shape == (3, 20, 20)
    with pytest.raises(RequestError, match="in the centre"):
        fit_region(np.repeat([[1.0] * 15 + [0.0] * 65], 40, 0).astype(np.float32), ClipSize(1, 20, 20))


# ---------------------------------------------------------------- several


def test_the_rest_is_what_the_others_leave() -> None:
    for open_end in ("rest", None):
        left, rest = read_regions(["box:0,0,25%,100%", open_end], CLIP)
        middle = read_regions([open_end, "box:0,0,25%,100%", "box:50%,0,50%,100%"], CLIP)[0]
        assert np.array_equal(rest, 1 - left)
        assert middle[:, 16:32].all() and not middle[:, :16].any() and not middle[:, 32:].any()


def test_alone_no_region_is_the_whole_frame() -> None:
    assert read_regions([None], CLIP) == [None]


def test_the_rest_of_a_moving_region_moves() -> None:
    found = read_regions([moving(8), "rest"], CLIP)[1]
    assert found is not None and np.array_equal(found, 1 - moving(8))
    small = read_regions([np.array([[1.0, 0.0]]), None], CLIP)[1]  # of another resolution
    assert np.array_equal(small, 1 - LEFT)


@pytest.mark.parametrize(
    ("regions", "word"),
    [
        ((None, None), "request 1 and request 2.*whole frame"),
        (("rest", "box:0,0,9,9", None), "request 1 and request 3"),
        (("box:0,0,100%,100%", "rest"), "rest.*no other request covers"),
        (("rest",), "rest.*another request"),
    ],
)
def test_contradictions_of_regions_are_refused(regions: tuple[str | None, ...], word: str) -> None:
    with pytest.raises(RequestError, match=word):
        read_regions(regions, CLIP)


def agree(first: Motion, second: Motion, *texts: str) -> None:
    check_agreement([first, second], read_regions(texts, CLIP))


def test_two_motions_of_one_place_are_refused_and_both_named() -> None:
    left, right = Motion("left", speed="1px"), Motion("right")
    with pytest.raises(
        RequestError,
        match=r"request 1 \(left at 1px a frame\) and request 2 \(right.*share 75% of the smaller",
    ):
        agree(left, right, "box:0,0,48,64", "box:0,0,100%,25%")
    agree(left, right, "box:0,0,32,64", "box:16,0,48,64")  # a third of the larger, half of the smaller
    agree(left, Motion("left", speed="1px", strength=2), "box:0,0,48,64", "box:0,0,64,16")  # the same motion


def test_regions_that_pass_each_other_agree() -> None:
    apart = moving(8)
    check_agreement([Motion("left"), Motion("right")], [apart, apart[::-1].copy()])
    with pytest.raises(RequestError, match="share 100%"):
        check_agreement([Motion("left"), Motion("right")], [apart, apart])


# ---------------------------------------------------------------- anything


TEXTS = st.text(max_size=30) | st.builds(
    "{}:{}".format, st.sampled_from(["box", "polygon"]), st.text("0123456789.,;-%px e", max_size=40)
)


@settings(max_examples=300, deadline=None)
@given(text=TEXTS)
def test_any_text_is_a_region_or_one_error_that_shows_it(text: str) -> None:
    try:
        found = read_region(text, ClipSize(3, 16, 24), tell=lambda _: None)
    except MoftError as error:
        assert re.search("expected .*(got|;)", str(error), re.DOTALL), error
    else:
        assert found.shape[-2:] == (16, 24) and 0 <= found.min() <= found.max() <= 1 and found.any()


def test_a_region_is_what_measure_takes() -> None:
    import moft

    noise = np.random.default_rng(0).integers(0, 255, (64, 80, 3), np.uint8)
    video = np.stack([noise[:, 8 - i : 72 - i] for i in range(8)])
    found: Any = [moft.measure(video, mask).inside[0] for mask in (read("box:0,0,50%,100%"), moving(8))]
    assert found == pytest.approx([1, 1], abs=0.1)


def test_masks_of_8_and_of_16_bit_in_one_folder_are_white_alike(tmp_path: Path) -> None:
    half = np.repeat([[255] * 32 + [0] * 32], 64, 0)
    Image.fromarray(half.astype(np.uint8)).save(tmp_path / "0.png")
    Image.fromarray((half * 257).astype(np.uint16)).save(tmp_path / "1.png")
    first, second = read_region(str(tmp_path), ClipSize(2, 64, 64), tell=lambda _: None)
    assert (first == LEFT).all() and (second == LEFT).all()


def test_a_clip_of_masks_without_a_picture_is_refused(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", 8)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        container.start_encoding()
    with pytest.raises(MediaError, match="expected"):
        read_region(str(tmp_path / "a.mp4"), CLIP, tell=lambda _: None)
