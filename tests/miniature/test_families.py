"""The other families' miniatures: what they begin with, and that what is shipped opens and goes where it is
steered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, DiffusionPipeline, UNetMotionModel

import moft
from moft.bench.task import clips
from moft.known.renderer import FRAMES, SIZE
from moft.known.world.renderer import WorldMaker
from moft.known.world.scenes import Mixture
from moft.miniature import model
from moft.miniature.encoded import encode
from moft.miniature.families import BUILDS, cogvideox, modelscope
from moft.miniature.families.inflated import take_over
from moft.miniature.probe import block_scores
from moft.models.loading import miniature_path
from moft.models.pipeline import host_of
from moft.types import ClipSize


def vae() -> AutoencoderKL:
    return AutoencoderKL.from_pretrained(f"{miniature_path()}/vae").eval()


def test_modelscope_begins_as_the_image_model_inside_the_animatediff_miniature():
    image = UNetMotionModel.from_pretrained(f"{miniature_path()}/unet").eval()
    for module in model.ANIMATEDIFF.temporal(image):
        module.forward = lambda hidden_states, *_, **__: hidden_states
    unet = modelscope.denoiser().eval()
    draw = torch.Generator().manual_seed(0)
    noisy, t = torch.randn(2, model.LATENT_CHANNELS, 3, 16, 16, generator=draw), torch.tensor([300, 700])
    words = torch.randn(2, 24, 64, generator=draw)
    with torch.no_grad():
        ours = unet(noisy, t, words).sample
        theirs = image(noisy, t, words.repeat_interleave(3, 0)).sample
        alone = unet(noisy[:, :, 1:2], t, words).sample
    assert (ours - theirs).square().mean() < 1e-3 * theirs.var()  # heads at 4 cells are of another size
    torch.testing.assert_close(ours[:, :, 1:2], alone, rtol=1e-3, atol=1e-4)  # no frame knows of others


def test_only_what_mixes_frames_is_not_taken_over():
    left = take_over(modelscope.denoiser())
    assert left and all("temp_" in name or name.startswith("transformer_in") for name in left)


def test_cogvideox_codes_every_frame_as_the_vae_that_it_was_made_of():
    flat, video = vae(), WorldMaker(Mixture(textures=4, photos=0), 1, 4).render(2).video
    solid = cogvideox.causal(flat)
    pipe = cogvideox.assemble(cogvideox.denoiser(width=32, layers=1), flat, cogvideox.text_encoder(None))
    latents = encode(flat, video)
    found = host_of(pipe).encode(video)
    assert (found - latents).square().mean() < 1e-3 * latents.var()
    with torch.no_grad():
        shown = solid.decode(latents / flat.config.scaling_factor).sample
        expected = flat.decode(latents.transpose(1, 2).flatten(0, 1) / flat.config.scaling_factor).sample
    assert (shown.transpose(1, 2).flatten(0, 1) - expected).square().mean() < 1e-3


def test_a_vae_that_keeps_every_frame_is_believed():
    pipe = cogvideox.assemble(cogvideox.denoiser(width=32, layers=1), vae(), cogvideox.text_encoder(None))
    assert host_of(pipe).clip_size(torch.empty(1, 4, 7, 16, 16)) == ClipSize(7, 64, 64)


@pytest.mark.parametrize("name", ["modelscope", "cogvideox", "svd"])
def test_blocks_are_probed_in_every_family(name: str):
    build = BUILDS[name]
    coder = vae() if build.vae is model.vae else build.vae()
    pipe = build.assemble(build.denoiser().eval(), coder, build.text_encoder(build.tokenizer()))
    pipe.set_progress_bar_config(disable=True)
    scores = block_scores(pipe, build.blocks[-2:], 8)
    assert len(scores) == 6 and all(np.isfinite(list(scores.values())))


SHIPPED = [name for name in ("modelscope", "cogvideox", "svd") if Path(miniature_path(name)).exists()]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_family_opens_and_goes_where_it_is_steered(name: str):
    pipe = DiffusionPipeline.from_pretrained(miniature_path(name), local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    motion, size = moft.Motion("left", speed="2px"), ClipSize(FRAMES, SIZE, SIZE)

    def sample() -> np.ndarray:
        return clips(pipe, ["purple stripes"], 0)[0]

    plain = moft.measure(sample())
    with moft.steer(pipe, motion):
        steered = moft.measure(sample())
    assert moft.followed(steered, motion, size) and not moft.followed(plain, motion, size)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_family_is_small_and_knows_no_machine(name: str):
    files = [f for f in Path(miniature_path(name)).rglob("*") if f.is_file()]
    most = {"modelscope": 12}.get(name, 16)
    assert sum(f.stat().st_size for f in files) < most * 2**20
    assert {f.suffix for f in files} <= {".json", ".safetensors"}
    assert not any("/tmp" in f.read_text() for f in files if f.suffix == ".json")
