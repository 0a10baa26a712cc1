"""One call does what a job says, hands out its steps, can be ended by whoever watches, writes when told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from steered import everything_about

import moft
from moft.feature.model import Model
from moft.feature.reference import ClipReading

SIZE = moft.ClipSize(8, 64, 64)
SCENE = moft.Scene("red cells", SIZE, steps=5)
LEFT = moft.Job(SCENE, (moft.Motion("left"),))


@pytest.fixture(scope="module")
def model(tiny_animatediff: Any, tiny_statistics: moft.Statistics) -> Model:
    return Model(tiny_animatediff, given=tiny_statistics)


def test_every_step_is_handed_out_and_changes_nothing(model: Model) -> None:
    steps: list[moft.Step] = []
    watched, alone = moft.run(model, LEFT, watch=steps.append), moft.run(model, LEFT)
    assert [(step.part, step.index, step.count) for step in steps] == [
        (part, index, 5) for part in ("plain", "steered") for index in range(1, 6)
    ]
    assert all(step.latents.shape == (1, 4, 8, 16, 16) for step in steps)
    assert np.array_equal(watched.steered, alone.steered) and np.array_equal(watched.plain, alone.plain)
    assert not np.array_equal(watched.steered, watched.plain)


@pytest.mark.parametrize("part", ["plain", "steered"])
def test_whoever_watches_can_end_a_run_and_nothing_is_left(model: Model, part: str) -> None:
    before = everything_about(model.pipe)

    def watch(step: moft.Step) -> None:
        if (step.part, step.index) == (part, 2):
            raise moft.Cancelled("enough")

    with pytest.raises(moft.Cancelled, match="enough"):
        moft.run(model, LEFT, watch=watch)
    assert everything_about(model.pipe) == before


def test_a_run_is_typed_until_it_is_written(model: Model, tmp_path: Path) -> None:
    run = moft.run(model, LEFT)
    (outcome,) = run.outcome
    assert outcome.followed is run.followed and outcome.goal == moft.Motion("left")
    assert run.record()["outcome"][0]["steered"]["motion"] == outcome.steered.motion.to_json()
    assert list(tmp_path.iterdir()) == []
    record = run.save(tmp_path / "left.gif")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "left.compare.gif",
        "left.gif",
        "left.json",
        "left.plain.gif",
    ]
    assert moft.read_recipe(tmp_path / "left.gif").frames_digest == record["frames_digest"]


def test_the_size_of_a_scene_may_be_left_to_the_model(model: Model) -> None:
    scene = moft.Scene("red cells", steps=2)
    assert model.size() == moft.run(model, moft.Job(scene, LEFT.requests)).job.scene.size


# ---------------------------------------------------------------- `moft.steer` takes every request


def sample(pipe: Any, **kwargs: Any) -> torch.Tensor:
    size = {"num_frames": 8, "height": 64, "width": 64, "num_inference_steps": 5}
    generator = torch.Generator().manual_seed(0)
    return pipe("red cells", generator=generator, output_type="latent", **{**size, **kwargs}).frames


@pytest.mark.parametrize("per_position", [False, True])
def test_a_clip_that_is_named_is_followed_as_one_that_was_read(
    model: Model, tmp_path: Path, per_position: bool
) -> None:
    pipe, statistics = model.pipe, model.statistics
    clip = np.random.default_rng(0).integers(0, 255, (8, 64, 64, 3), np.uint8)
    moft.write_video(tmp_path / "clip.gif", clip)
    read = moft.from_clip(
        pipe,
        moft.read_video(tmp_path / "clip.gif"),
        statistics=statistics,
        how=ClipReading(per_position=per_position),
    )
    like = moft.Like(
        str(tmp_path / "clip.gif"), per_position=per_position, by=None if per_position else "moft"
    )
    with moft.steer(pipe, like, statistics=statistics, size=SIZE):
        named = sample(pipe)
    with moft.steer(pipe, read, statistics=statistics):
        assert torch.equal(sample(pipe), named)


def test_a_field_in_a_file_steers_as_the_field_itself(model: Model, tmp_path: Path) -> None:
    pipe, statistics = model.pipe, model.statistics
    field = moft.Field.of_motion(moft.Motion("right 2px"), SIZE)
    field.save(tmp_path / "a.safetensors")
    along = moft.Along(str(tmp_path / "a.safetensors"))
    with moft.steer(pipe, along, statistics=statistics, size=SIZE):
        named = sample(pipe)
    with moft.steer(pipe, field, statistics=statistics) as run:
        assert torch.allclose(sample(pipe), named, atol=1e-4)
    (objective,) = run.objectives(SIZE)
    assert objective.kind == "blocks" and objective.keep_spread  # type: ignore[attr-defined]
    assert not torch.allclose(sample(pipe), named, atol=1e-4)


def test_a_drag_goes_alone(model: Model) -> None:
    requests = (moft.Drag([[(20, 32), (34, 32)]]), moft.Motion("left"))
    with pytest.raises(moft.RequestError, match="a Drag by itself"):
        with moft.steer(model.pipe, *requests, statistics=model.statistics):
            pytest.fail("attached")


def test_a_drag_takes_no_regions(model: Model) -> None:
    drag, half = moft.Drag([[(20, 32), (34, 32)]]), "box:0,0,50%,100%"
    with pytest.raises(moft.RequestError, match="without regions"):
        with moft.steer(model.pipe, drag, statistics=model.statistics, regions=[half]):
            pytest.fail("attached")


def test_each_call_of_a_block_gives_what_it_gives_alone(model: Model) -> None:
    pipe, request = model.pipe, moft.Motion("left", region="box:0,0,50%,100%")

    def steered(*frames: int) -> list[torch.Tensor]:
        with moft.steer(pipe, request, statistics=model.statistics):
            return [sample(pipe, num_frames=count) for count in frames]

    long, short = steered(8, 5)
    assert torch.equal(long, steered(8)[0]) and torch.equal(short, steered(5)[0])


@pytest.mark.parametrize("error", [ValueError("odd"), KeyError("odd"), RuntimeError("odd")])
def test_what_whoever_watches_raises_ends_the_run_as_it_is(model: Model, error: Exception) -> None:
    def watch(step: moft.Step) -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        moft.run(model, LEFT, watch=watch)
    assert caught.value is error


@pytest.mark.parametrize(
    "error", [ValueError("odd"), TypeError("odd"), RuntimeError("odd"), IndexError("odd")]
)
def test_what_a_pipeline_raises_is_one_error_that_keeps_its_words(model: Model, error: Exception) -> None:
    before = everything_about(model.pipe)

    def fail(*_: object) -> None:
        raise error

    handle = model.pipe.unet.register_forward_pre_hook(fail)
    try:
        with pytest.raises(
            moft.BackboneError, match="AnimateDiffPipeline (refused|failed at 8 frames).*odd"
        ) as caught:
            moft.run(model, LEFT)
        with (
            pytest.raises(type(error)),
            moft.steer(model.pipe, moft.Motion("left"), statistics=model.statistics),
        ):
            model.pipe("a ball", num_frames=8, height=64, width=64)  # the library itself lets it through
    finally:
        handle.remove()
    assert caught.value.__cause__ is error and everything_about(model.pipe) == before


def test_more_frames_than_the_motion_modules_have_places_for_are_refused_before_the_work(
    model: Model,
) -> None:
    longest = model.pipe.unet.config.motion_max_seq_length
    assert model.size(longest, 64, 64).frames == longest
    with pytest.raises(moft.RequestError, match=f"at most {longest} frames, .*got {longest + 1}"):
        model.size(longest + 1, 64, 64)


def test_the_record_of_a_run_of_few_steps_says_so(model: Model) -> None:
    run = moft.run(model, moft.Job(moft.Scene("red cells", SIZE, steps=3), (moft.Motion("left"),)))
    assert any("only 1 of 3 steps guided" in note for note in run.record()["notes"])
