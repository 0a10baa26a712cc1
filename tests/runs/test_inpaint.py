"""What is masked is drawn anew, the rest stays to the pixel, and a recipe makes the same again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import moft
from moft.field.pictures import SOFT, composited
from moft.media.writing import write_video
from moft.metrics.quality import psnr
from moft.runs import steered
from moft.runs.job import Job, Scene
from moft.steering.noise import Anew
from moft.types import ClipSize

SIZE = ClipSize(8, 64, 64)
LEFT = np.s_[:, :, :32]
RIGHT = np.s_[:, :, 32:]


@pytest.fixture(scope="module")
def model(tiny_animatediff: Any, tiny_statistics: moft.Statistics) -> moft.Model:
    return moft.Model(tiny_animatediff, given=tiny_statistics)


def job(**scene: Any) -> Job:
    return Job(Scene("a ball", SIZE, steps=6, **scene), (moft.Motion("left"),))


def test_outside_is_the_plain_runs_to_the_pixel_and_inside_is_another(model: moft.Model) -> None:
    run = moft.run(model, job(inpaint="box:0,0,50%,100%"))
    assert (run.steered[RIGHT] == run.plain[RIGHT]).all()
    guided = moft.run(model, replace(job(), requests=(moft.Motion("left", region="box:0,0,50%,100%"),)))
    drawn, moved = (psnr(one.steered[LEFT], one.plain[LEFT]) for one in (run, guided))
    assert drawn < moved  # other noise leaves less of what was there than guidance does
    assert np.isfinite(run.record()["outside"])


def test_a_mask_file_is_an_input_and_a_replay_gives_the_same_frames(
    tiny_folder: Path, tmp_path: Path
) -> None:
    mask = np.zeros((64, 64), np.uint8)
    mask[16:48, 16:48] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    run = moft.run(moft.load(tiny_folder), job(inpaint=str(tmp_path / "mask.png"), inpaint_prompt="cells"))
    run.save(tmp_path / "out.mp4")
    record = json.loads((tmp_path / "out.json").read_text())
    assert list(record["inputs"]) == [record["inpaint"]] == [str(tmp_path / "mask.png")]
    (tmp_path / "elsewhere").mkdir()
    for name in ("mask.png", "out.mp4"):
        (tmp_path / name).rename(tmp_path / "elsewhere" / name)
    again = moft.replay(tmp_path / "elsewhere" / "out.mp4")
    assert again.identical


def test_the_words_for_what_is_drawn_anew_count_inside_alone(
    model: moft.Model, recwarn: pytest.WarningsRecorder
) -> None:
    one, other = (
        moft.run(model, job(inpaint="box:0,0,50%,100%", inpaint_prompt=words)) for words in ("cells", "noise")
    )
    assert (one.plain == other.plain).all() and (one.steered[RIGHT] == other.steered[RIGHT]).all()
    assert not (one.steered[LEFT] == other.steered[LEFT]).all()
    assert not any("other words" in str(warning.message) for warning in recwarn)


def test_another_clip_comes_in_from_the_edge_of_a_mask() -> None:
    rest, drawn = np.zeros((2, 32, 32, 3), np.uint8), np.full((2, 32, 32, 3), 200, np.uint8)
    mask = np.zeros((32, 32), np.float32)
    mask[8:24, 8:24] = 1
    row = composited(rest, drawn, mask)[0, 16, :, 0].astype(int)
    assert not row[:8].any() and not row[24:].any() and (row[8 + SOFT : 24 - SOFT] == 200).all()
    assert (np.diff(row[:16]) >= 0).all() and 0 < row[8] < 200
    assert (composited(rest, drawn, np.ones((32, 32), np.float32)) == drawn).all()


def test_noise_inside_is_other_than_the_pipelines_own_of_that_seed() -> None:
    anew = Anew(lambda size: [], 7)
    own = torch.randn(1, 4, 8, 16, 16, generator=torch.Generator().manual_seed(7))
    assert anew.seed == 8 and Anew(lambda size: [], 2**63 - 1).seed == 0
    assert not torch.equal(own, torch.randn(own.shape, generator=torch.Generator().manual_seed(anew.seed)))


def test_what_cannot_go_together_is_said() -> None:
    with pytest.raises(moft.RequestError, match="the place, beside inpaint_prompt"):
        Scene("a ball", inpaint_prompt="cells")
    with pytest.raises(moft.RequestError, match="inpaint without a drag or carry"):
        Job(Scene("a ball", inpaint="box:0,0,9,9"), (moft.Drag([[(1, 1), (2, 2)]]),))
    with pytest.raises(moft.RequestError, match="anew or carry"):
        moft.Settings(anew=1, carry=0.5)


@pytest.mark.parametrize(("words", "guided"), [(None, False), ("cells", True)])
def test_words_for_a_part_of_a_real_clip_take_guidance_and_none_are_told(
    model: moft.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str | None, guided: bool
) -> None:
    """The clip itself comes back without guidance alone; what motion alone draws is blobs."""
    noise = np.random.default_rng(0).integers(0, 255, (8, 64, 64, 3), np.uint8)
    write_video(tmp_path / "clip.gif", noise, fps=8)
    calls, usual = [], steered.sample

    def watched(*args: Any, **kwargs: Any) -> Any:
        calls.append((args[2], kwargs["guided"]))
        return usual(*args, **kwargs)

    monkeypatch.setattr(steered, "sample", watched)
    scene = Scene("", SIZE, steps=6, video=str(tmp_path / "clip.gif"), inpaint="box:0,0,50%,100%")
    run = moft.run(model, Job(replace(scene, inpaint_prompt=words), (moft.Motion("left"),)))
    assert calls == [("plain", False), ("steered", guided)]
    assert any("no words say what is drawn anew" in note for note in run.record()["notes"]) != guided
