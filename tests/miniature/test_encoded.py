"""Encoded clips: a function of their number, and what boils in them told from what goes along."""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL

from moft.known.world.renderer import WorldMaker
from moft.known.world.scenes import Mixture
from moft.miniature import model
from moft.miniature.encoded import boiling, encode, encoder, partners
from moft.models.loading import miniature_path

WORLD = Mixture(textures=4, photos=0)


def vae() -> AutoencoderKL:
    return AutoencoderKL.from_pretrained(f"{miniature_path()}/vae").eval()


def test_rows_are_a_function_of_their_number_and_go_back_to_the_clips_that_they_show():
    coder, tokens = vae(), model.tokenizer()

    def ids(texts: list[str]) -> torch.Tensor:
        return tokens(texts, padding="max_length", return_tensors="pt").input_ids

    make, again = (encoder(WORLD, 4, 1, coder, ids, dropped=0.5) for _ in range(2))
    first, rows = make(3, 0), make(3, 2)
    other = again(3, 2)
    assert all(torch.equal(rows[name], other[name]) for name in rows)
    assert not torch.equal(rows["latents"], first["latents"])
    latents = rows["latents"].transpose(1, 2).flatten(0, 1).float() / coder.config.scaling_factor
    with torch.no_grad():
        shown = (coder.decode(latents).sample + 1) / 2
    true = WorldMaker(WORLD, 1, 4).render(3, 2).video.flatten(0, 1)
    assert (shown - true).square().mean() < 0.01 < (shown - true.roll(4, 0)).square().mean()


def test_frames_encoded_in_portions_are_those_encoded_at_once():
    coder, video = vae(), torch.rand(3, 7, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole = coder.encode(video.flatten(0, 1) * 2 - 1).latent_dist.mean * coder.config.scaling_factor
    assert torch.allclose(encode(coder, video).transpose(1, 2).flatten(0, 1), whole, atol=1e-4)


def test_errors_that_go_along_do_not_boil_and_others_do():
    world = Mixture(textures=4, photos=0, flat=0, near=0.5, flows=0.5, rolls=0.5, zooms=0.5, objects=1)
    clips = WorldMaker(world, 1, 16).render(12)
    rows = partners(clips, torch.Generator().manual_seed(0))
    assert rows["at"].shape == (12, 16, 16, 16, 2) and rows["seen"].any()
    smooth = (clips.rest[:, :, 1::4, 1::4] / 15).sin().permute(0, 4, 1, 2, 3)  # painted on what is seen
    noise = torch.randn(smooth.shape, generator=torch.Generator().manual_seed(0)) * smooth.std()
    assert boiling(smooth, rows) < 0.1 * boiling(noise, rows)
    assert boiling(torch.ones_like(smooth), rows) < 1e-9
