"""The shipped model and what makes it: clips that tell the truth, a training that resumes, weights that
load."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

import moft
from moft.errors import RequestError
from moft.known.renderer import FRAMES, SIZE, ClipMaker, World
from moft.known.shapes import COLOURS, SHAPES
from moft.miniature import model
from moft.miniature.families import BUILDS
from moft.miniature.optimisers import orthogonal
from moft.miniature.probe import nearest_colours, obeys, ridge_r2
from moft.miniature.train import Settings, Trainer, shipped_vae
from moft.models.loading import miniature_path
from moft.types import ClipSize

PANS = World(textures=4, photos=0, objects=0, zooms=0, turns=0, flows=0, still=0, motion_words=0, max_speed=3)
WEIGHTS = Path(miniature_path())


def pixels(video: torch.Tensor) -> np.ndarray:
    return (video.permute(0, 2, 3, 1) * 255).round().byte().numpy()


def test_the_tokenizer_keeps_caption_words_whole_and_knows_every_text():
    tokens = model.tokenizer()
    ids = tokens("a red ball over blue stripes").input_ids
    assert len(ids) == 6 + 2
    strange = tokens("ünïcode 漢字 \x00 ☃").input_ids
    assert len(strange) > 4 and max(strange) < len(tokens)
    assert len({tuple(tokens(c).input_ids) for c in COLOURS}) == len(COLOURS)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_sample_check_recognises_each_shape_and_refuses_the_others(shape: str):
    maker = ClipMaker(World(textures=4, photos=0, objects=1, motion_words=0), SHAPES.index(shape))
    shape_index = SHAPES.index(shape)
    from moft.known.shapes import shape_distance

    p = maker.pixels
    inside = shape_distance(p, torch.full(p.shape[:-1], shape_index), torch.tensor(12.0)) < 0
    red, blue = (torch.tensor(COLOURS[c]).mean(0) for c in ("red", "blue"))
    frame = torch.where(inside[..., None], red, blue).numpy()
    assert all(obeys(frame, "red", shape, "blue").values())
    assert not obeys(frame, "red", SHAPES[(shape_index + 1) % 5], "blue")["shape"]
    assert not obeys(frame, "green", shape, "blue")["colour"]


def test_the_sample_check_recognises_the_objects_of_the_clips():
    clips = ClipMaker(dataclasses.replace(PANS, objects=0.5), 1).render(40)
    one = [i for i, caption in enumerate(clips.captions) if " over " in caption and " and " not in caption]
    asked = [clips.captions[i].split() for i in one]  # "a red ball over blue stripes"
    frames = [pixels(clips.video[i, :1])[0] / 255 for i in one]
    marks = [obeys(f, w[1], w[2], w[4]) for f, w in zip(frames, asked, strict=True)]
    assert len(marks) > 10 and np.mean([m["shape"] for m in marks]) > 0.85


def test_nearest_colours_reads_tones_of_every_colour():
    for index, tones in enumerate(COLOURS.values()):
        middle = np.broadcast_to(np.mean(tones, 0), (2, 2, 3))
        assert (nearest_colours(middle) == index).all()


def test_ridge_finds_a_linear_code_and_nothing_in_noise():
    rng = torch.Generator().manual_seed(0)
    truth, noise = torch.randn(200, 2, generator=rng), torch.randn(200, 8, generator=rng)
    assert ridge_r2(truth @ torch.randn(2, 8, generator=rng) + 0.1 * noise, truth) > 0.9
    assert ridge_r2(noise, truth) < 0.1


def test_muons_step_is_orthogonal_up_to_scale():
    matrix = torch.randn(12, 30, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonal(matrix))
    assert values.max() / values.min() < 2.5 < torch.linalg.cond(matrix) / 1.0
    together = orthogonal(torch.stack([matrix, 2 * matrix, matrix.flip(0)]))
    assert torch.allclose(together[0], orthogonal(matrix), atol=1e-5)
    assert torch.allclose(together[1], together[0], atol=1e-5)  # whatever the gradient's size
    assert torch.allclose(orthogonal(matrix.T), together[0].T, atol=1e-5)


@pytest.mark.parametrize("name", BUILDS)
def test_each_build_learns_from_a_batch_and_its_export_opens(name: str, tmp_path: Path):
    from diffusers import DiffusionPipeline

    if not shipped_vae(BUILDS[name]).exists():
        BUILDS[name].vae().save_pretrained(tmp_path / "vae")
    trainer = Trainer(tmp_path, Settings(batch=2), build=BUILDS[name])
    draw = torch.Generator().manual_seed(0)
    rows = {
        "latents": torch.randn(2, model.LATENT_CHANNELS, FRAMES, 16, 16, generator=draw),
        "shift": torch.randn(2, 2, FRAMES, 16, 16, generator=draw),
        "ids": trainer.ids(["a red ball over blue stripes", ""]),
    }
    rows |= BUILDS[name].given(trainer.vae, rows["latents"])
    trainer.loss(rows).sum().backward()
    asked = {
        part: [p.grad is not None and bool(p.grad.any()) for p in trainer.parts[part].parameters()]
        for part in ("denoiser", "text_encoder", "reader")
    }
    if name == "svd":  # its image encoder says nothing, and learns nothing
        asked.pop("text_encoder")
    assert all(any(found) for found in asked.values())
    one = {**rows, "latents": rows["latents"][:, :, :1], "shift": rows["shift"][:, :, :1]}
    with trainer.without_motion():
        still = trainer.loss(one)
    assert still.isfinite().all() and not any("forward" in vars(m) for m in trainer.parts.modules())
    trainer.clips = 7
    trainer.save()
    trainer.clips = 0
    trainer.resume()
    assert trainer.clips == 7
    trainer.export(tmp_path / "out")
    opened = DiffusionPipeline.from_pretrained(tmp_path / "out", local_files_only=True)
    assert type(opened) is type(trainer.tap.pipe)
    assert str(tmp_path) not in (tmp_path / "out" / "vae" / "config.json").read_text()


def test_a_prompt_is_taught_to_say_nothing_at_little_noise_alone(tmp_path: Path):
    trainer = Trainer(tmp_path, Settings(batch=2))
    draw = torch.Generator().manual_seed(0)
    rows = {
        "latents": torch.randn(2, model.LATENT_CHANNELS, FRAMES, 16, 16, generator=draw),
        "shift": torch.randn(2, 2, FRAMES, 16, 16, generator=draw),
    }
    empty, told = (rows | {"ids": trainer.ids([text] * 2)} for text in ("", "a red ball over blue stripes"))

    def apart(of: dict[str, torch.Tensor], quiet: float, agreed: bool = True) -> torch.Tensor:
        torch.manual_seed(0)
        return trainer.loss(of, quiet, agreed=agreed)[3]

    little, much = 20.0, 0.01  # timesteps near 0, near 1000
    assert apart(told, much) == apart(told, little, agreed=False) == 0
    assert apart(empty, little) < 1e-9 < 1e-6 < apart(told, little)
    apart(told, little).backward()
    for part in ("denoiser", "text_encoder"):
        assert any(p.grad is not None and bool(p.grad.any()) for p in trainer.parts[part].parameters())


shipped = pytest.mark.skipif(
    not (WEIGHTS / "model_index.json").exists(), reason="the weights are not there yet"
)


@shipped
def test_the_shipped_weights_open_as_an_animatediff_pipeline_and_fit_in_40_mb():
    from diffusers import AnimateDiffPipeline

    pipe = AnimateDiffPipeline.from_pretrained(miniature_path(), local_files_only=True)
    files = [f for f in WEIGHTS.rglob("*") if f.is_file()]
    assert sum(f.stat().st_size for f in files) < 40 * 2**20
    assert not [f for f in files if f.suffix not in (".json", ".safetensors", ".txt")]
    assert (
        type(pipe).__name__ == "AnimateDiffPipeline"
        and pipe.unet.config.out_channels == model.LATENT_CHANNELS
    )


@shipped
def test_the_shipped_statistics_belong_to_the_shipped_model():
    statistics = moft.Statistics.load(WEIGHTS / "motion_channels.safetensors")
    assert statistics.layer.startswith("up_blocks.1") and len(statistics.channels) == len(statistics.response)
    assert statistics.made


@shipped
@pytest.mark.parametrize("name", ["left", "down", "zoom in", "still"])
def test_the_shipped_model_goes_where_it_is_steered(name: str):
    from diffusers import AnimateDiffPipeline

    pipe, motion = (
        AnimateDiffPipeline.from_pretrained(miniature_path(), local_files_only=True),
        moft.Motion(name),
    )
    pipe.set_progress_bar_config(disable=True)

    def sample() -> moft.metrics.motion.MeasuredMotion:
        frames = pipe(
            "a red ball over blue cells",
            num_frames=FRAMES,
            height=SIZE,
            width=SIZE,
            num_inference_steps=25,
            generator=torch.Generator().manual_seed(0),
            output_type="np",
        ).frames[0]
        return moft.measure((frames * 255).round().astype(np.uint8))

    plain = sample()
    with moft.steer(pipe, motion):
        steered = sample()
    assert not moft.followed(plain, motion, ClipSize(FRAMES, SIZE, SIZE))
    if name == "zoom in":  # a third of the asked rate or a little less: at the edge of "followed"
        assert steered.zoom > 0.01 > plain.zoom
    elif name == "still":
        assert steered.mean_speed < 0.3 * plain.mean_speed
    else:
        assert moft.followed(steered, motion, ClipSize(FRAMES, SIZE, SIZE))


def test_a_model_folder_without_statistics_is_a_clear_error(tmp_path: Path):
    from moft.feature.statistics import find_statistics

    class Pipe:
        name_or_path = str(tmp_path)

    with pytest.raises(RequestError, match="moft channels"):
        find_statistics(Pipe())
