"""Clips come to the frames and the size of a run, and what that changes is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn import noise_clip, noise_picture
from PIL import Image

import moft
from moft.errors import MediaError, RequestError
from moft.field.resampled import frames_taken, read_followed, read_resampled
from moft.media.reading import read_video
from moft.request.like import Like
from moft.types import ClipSize

SIZE, RUN = ClipSize(4, 32, 32), ClipSize(8, 64, 64)
FIELD = np.random.default_rng(5).integers(0, 255, (40, 120, 3)).astype(np.uint8).repeat(8, 0).repeat(8, 1)


def panned(speed: float, frames: int, height: int = 64, width: int = 64) -> np.ndarray:
    """A clip whose content goes left by so many px a frame."""
    return np.stack([FIELD[:height, (x := round(speed * i)) : x + width] for i in range(frames)])


def test_a_clip_of_the_run_s_frames_and_size_is_itself(tmp_path: Path) -> None:
    path, said = str(noise_clip(tmp_path / "a.mp4", 4)), list[str]()
    found = read_resampled(path, ClipSize(4, 64, 64), said.append)
    assert np.array_equal(found.video, read_video(path)) and not said and found.fps == 8


def test_a_part_of_a_clip_is_spread_over_the_frames_and_it_is_said(tmp_path: Path) -> None:
    path, said = str(noise_clip(tmp_path / "a.mp4", 6)), list[str]()
    clip = read_resampled(path, SIZE, said.append, start=1, end=4).video
    assert np.array_equal(clip, read_video(path, size=(32, 32))[[1, 2, 2, 3]])
    assert said == [f"{path}: 3 frames resampled to 4, 0.75 times as fast"]


def test_a_picture_is_no_clip(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="2 frames or more, got 1; a picture has no motion; --image takes"):
        read_resampled(str(noise_picture(tmp_path / "a.png")), SIZE)


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.gif"])
def test_a_clip_of_one_frame_is_told_to_be_short_and_not_to_be_panned(tmp_path: Path, name: str) -> None:
    path = str(noise_clip(tmp_path / name, 1))
    with pytest.raises(RequestError, match="2 frames or more, got 1; (bring a longer one|a picture)"):
        read_resampled(path, SIZE)


def test_a_part_of_one_frame_is_told_to_be_short(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="2 frames or more, got 1; bring a longer one"):
        read_resampled(str(noise_clip(tmp_path / "a.mp4", 6)), SIZE, start=5)


def test_where_to_look_is_said_at_the_size_of_the_clip_to_follow(tmp_path: Path) -> None:
    path = str(noise_clip(tmp_path / "a.mp4", 4))
    followed = read_followed(Like(path, like_region="box:0,0,32,64"), SIZE)
    assert followed.video.shape == (4, 32, 32, 3) and followed.look is not None
    np.testing.assert_allclose(followed.look[:, [2, 12, 19, 29]], [[1, 1, 0, 0]] * 32, atol=0.02)
    assert read_followed(Like(path), SIZE).look is None


# ---------------------------------------------------------------- longer clips


@pytest.mark.parametrize(
    ("speed", "count", "spread"),
    [
        (0.5, 8, True),
        (0.5, 64, True),  # 4.5 px from one to the next
        (0.5, 300, False),  # 21 px
        (2, 16, True),
        (2, 60, False),  # 17 px
        (4, 13, True),  # 6.9 px
        (4, 24, False),  # 13 px
        (0, 300, True),
    ],
)
def test_a_clip_is_spread_over_the_run_only_as_far_as_its_motion_can_be_read(
    speed: float, count: int, spread: bool
) -> None:
    video = panned(speed, count)
    which = frames_taken(video, 8)
    assert which.tolist() == (np.linspace(0, count - 1, 8).round().tolist() if spread else list(range(8)))
    if speed:
        gap = (count - 1) / 7 if spread else 1
        assert moft.measure(video[which]).inside[0] == pytest.approx(-speed * gap, rel=0.15, abs=0.1)


def test_the_first_frames_of_a_long_clip_are_taken_and_it_is_said(tmp_path: Path) -> None:
    moft.write_video(tmp_path / "long.mp4", panned(1, 200), fps=30)
    name, said = str(tmp_path / "long.mp4"), list[str]()
    found = read_resampled(name, RUN, said.append)
    assert np.array_equal(found.video, read_video(name)[:8]) and found.fps == 30
    (line,) = said
    assert line.startswith(f"{name}: the first 8 of 200 frames are taken, at the clip's own rate")
    later = read_resampled(name, RUN, said.append, 100, 200)
    assert np.array_equal(later.video, read_video(name)[100:108])


def test_masks_go_with_the_frames_that_are_taken(tmp_path: Path) -> None:
    """The mask of frame i is a column at x = i."""
    moft.write_video(tmp_path / "long.mp4", panned(2, 60))
    (tmp_path / "masks").mkdir()
    for i in range(60):
        mask = np.zeros((64, 64), np.uint8)
        mask[:, i : i + 2] = 255
        Image.fromarray(mask).save(tmp_path / "masks" / f"{i}.png")
    like = Like(str(tmp_path / "long.mp4"), like_region=str(tmp_path / "masks"))
    said = list[str]()
    for asked, first in (
        (like, 0),
        (Like(like.like, like_region=like.like_region, like_frames=(20, 60)), 20),
    ):
        look = read_followed(asked, RUN, said.append).look
        assert look is not None and look.argmax(2)[:, 0].tolist() == list(range(first, first + 8))
    assert any("of 60 masks those of the frames that were taken" in line for line in said)


def columns(path: Path, count: int, rate: float) -> Path:
    """Masks of a clip of 16 frames, 8 a second: at that of its frame i, a column 4 px wide at x = 3 i."""
    masks = np.zeros((count, 64, 64, 3), np.uint8)
    for i in range(count):
        x = round(3 * i * 8 / rate)
        masks[i, :, x : x + 4] = 255
    moft.write_video(path, masks, fps=rate)
    return path


@pytest.mark.parametrize(
    ("count", "rate"), [(16, 8), (17, 8), (48, 24), (32, 16), (31, 16), (8, 4), (47, 24)]
)
@pytest.mark.parametrize("part", [None, (0, 8), (8, 16), (4, 12)])
def test_a_clip_of_masks_at_a_rate_of_its_own_lies_where_the_frames_are(
    tmp_path: Path, count: int, rate: float, part: tuple[int, int] | None
) -> None:
    moft.write_video(tmp_path / "a.mp4", panned(0, 16), fps=8)
    masks = columns(tmp_path / "m.mp4", count, rate)
    look = read_followed(
        Like(str(tmp_path / "a.mp4"), like_region=str(masks), like_frames=part), RUN, [].append
    ).look
    start, end = part or (0, 16)
    moments = start + np.linspace(0, end - start - 1, 8).round()
    assert look is not None
    late = 3 * moments - look.argmax(2)[:, 0]  # a mask holds until the next one comes
    assert late.min() >= -0.5 and late.max() <= 3 * max(8 / rate, 1) + 0.5


def test_a_mask_for_each_frame_counts_before_the_rate_that_a_clip_of_them_says(tmp_path: Path) -> None:
    moft.write_video(tmp_path / "a.mp4", panned(0, 16), fps=8)
    masks = columns(tmp_path / "m.mp4", 16, 8)
    moft.write_video(tmp_path / "n.mp4", read_video(masks), fps=30)
    looks = [
        read_followed(
            Like(str(tmp_path / "a.mp4"), like_region=str(name), like_frames=(8, 16)), RUN, [].append
        ).look
        for name in (masks, tmp_path / "n.mp4")
    ]
    assert np.array_equal(*looks)


@pytest.mark.parametrize(("count", "rate", "stands"), [(8, 30, 30), (15, 30, 15), (29, 24, 6), (4, 12, 28)])
def test_a_spread_clip_stands_for_a_rate_at_which_it_lasts_as_long(
    tmp_path: Path, count: int, rate: float, stands: float
) -> None:
    moft.write_video(tmp_path / "a.mp4", panned(0, count), fps=rate)
    assert read_resampled(tmp_path / "a.mp4", RUN, [].append).fps == pytest.approx(stands)


def test_a_gif_has_the_rate_at_which_it_is_shown(tmp_path: Path) -> None:
    moft.write_video(tmp_path / "a.gif", panned(2, 8), fps=8)
    assert read_resampled(tmp_path / "a.gif", RUN).fps == pytest.approx(8, rel=0.02)


# ---------------------------------------------------------------- folders of frames


def frames_in(folder: Path, video: np.ndarray) -> Path:
    folder.mkdir()
    for i, frame in enumerate(video):
        Image.fromarray(frame).save(folder / f"frame{i}.png")
    return folder


def test_a_folder_of_pictures_is_a_clip_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    video = panned(2, 12)
    folder = frames_in(tmp_path / "frames", video)
    assert np.array_equal(read_video(folder), video)
    assert np.array_equal(read_video(folder, start=9, frames=3), video[9:])
    found = read_resampled(folder, RUN, [].append)
    assert np.array_equal(found.video[[0, -1]], video[[0, -1]]) and found.fps is None


def test_a_clip_among_the_pictures_of_a_folder_is_refused_by_name(tmp_path: Path) -> None:
    folder = frames_in(tmp_path / "frames", panned(2, 3))
    noise_clip(folder / "frame9.mp4", 3)
    with pytest.raises(MediaError, match=r"frame9.mp4: expected a picture among those of the folder"):
        read_video(folder)


def test_one_picture_in_a_folder_is_no_clip(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="got 1; bring a longer one"):
        read_resampled(frames_in(tmp_path / "frames", panned(2, 1)), RUN)


# ---------------------------------------------------------------- what is cut away


def test_what_is_cut_away_is_said_with_its_share(tmp_path: Path) -> None:
    for (height, width), words in {
        (64, 128): "128 x 64 px cropped to the middle 64 x 64: 25.0% cut away at the left and at the right",
        (128, 64): "64 x 128 px cropped to the middle 64 x 64: 25.0% cut away above and below",
        (64, 80): "80 x 64 px cropped to the middle 64 x 64: 10.0% cut away at the left and at the right",
    }.items():
        name, said = str(tmp_path / f"{height}.{width}.mp4"), list[str]()
        moft.write_video(name, panned(1, 8, height, width))
        read_resampled(name, RUN, said.append)
        assert said == [f"{name}: {words}"]


def test_nothing_is_said_of_a_clip_of_the_run_s_shape(tmp_path: Path) -> None:
    moft.write_video(tmp_path / "a.mp4", panned(1, 8, 128, 128))
    read_resampled(tmp_path / "a.mp4", RUN, pytest.fail)


@pytest.mark.parametrize("side", ["above", "below", "left", "right"])
def test_a_mover_that_is_cut_away_is_not_lost_in_silence(tmp_path: Path, side: str) -> None:
    """Beside the square middle something goes by 3 px a frame; in the middle nothing moves."""
    high = side in ("above", "below")
    video = np.repeat(FIELD[None, :128, 300:364] if high else FIELD[None, :64, 300:428], 8, 0).copy()
    edge = slice(28) if side in ("above", "left") else slice(-28, None)
    if high:
        video[:, edge] = panned(3, 8, 28, 64)
    else:
        video[:, :, edge] = panned(3, 8, 64, 28)
    moft.write_video(tmp_path / "a.mp4", video)
    said = list[str]()
    read_resampled(tmp_path / "a.mp4", RUN, said.append)
    assert "and with them what moves most, by " in said[0] and "against 0.0 in what is left" in said[0]


@pytest.mark.parametrize("colours", [[0] * 8, [0, 40, 80, 120, 160, 200, 240, 255]], ids=["black", "fading"])
def test_frames_of_one_colour_have_no_motion_to_follow(tmp_path: Path, colours: list[int]) -> None:
    for i, colour in enumerate(colours):
        Image.new("RGB", (64, 64), (colour,) * 3).save(tmp_path / f"{i}.png")
    with pytest.raises(RequestError, match="something moves, got frames of one colour; choose another clip"):
        read_followed(Like(str(tmp_path)), RUN)
