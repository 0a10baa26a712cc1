"""Trains the miniature's VAE, on single frames."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from moft.known.world.renderer import WorldMaker
from moft.known.world.scenes import Mixture
from moft.miniature.machine import Machine
from moft.miniature.optimisers import optimisers, set_rate
from moft.miniature.pool import Log, Pool

OFF = 0.15  # standard deviations by which latents are off at most while a decoder learns


def train_vae(folder: Path, minutes: float, vae: Any, device: str = "cpu", seed: int = 0) -> None:
    """Fit a VAE on single frames and set its scaling factor so that latents have unit variance."""
    vae = vae.to(device)

    def loss(x: Tensor) -> tuple[Tensor, Tensor]:
        posterior = vae.encode(x).latent_dist
        y = _decoded(vae, posterior.sample())
        narrow = 5e-4 * posterior.kl().float().mean() / posterior.mean[0].numel()
        return F.mse_loss(y, x) + 0.1 * F.l1_loss(y, x) + narrow, y

    pool = _fit(folder, minutes, vae, loss, 2e-3, device, seed, crops=0.7)
    with torch.no_grad():
        std = vae.encode(pool.draw(256)["x"].float() / 127.5 - 1).latent_dist.mean.std().item()
    vae.register_to_config(scaling_factor=1 / std)
    vae.save_pretrained(folder / "vae")


def train_decoder(folder: Path, minutes: float, vae: Any, device: str = "cpu", seed: int = 0) -> None:
    """Go on with a VAE's decoder, on latents that are a little off, as what a denoiser makes is; the encoder,
    and so what latents are, stays."""
    vae = vae.to(device)
    vae.encoder.requires_grad_(False)

    def loss(x: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            latents = vae.encode(x).latent_dist.mean
        off = OFF * torch.rand(len(x), 1, 1, 1, device=x.device) / vae.config.scaling_factor
        y = _decoded(vae, latents + off * torch.randn_like(latents))
        return F.mse_loss(y, x) + F.l1_loss(y, x), y

    _fit(folder, minutes, vae, loss, 1e-3, device, seed, crops=0)
    vae.requires_grad_(True)
    vae.save_pretrained(folder / "vae")


def _decoded(vae: Any, latents: Tensor) -> Tensor:
    alone = {"num_frames": 1} if "num_frames" in inspect.signature(vae.decode).parameters else {}
    return cast(Tensor, vae.decode(latents, **alone).sample.float())


def _fit(
    folder: Path,
    minutes: float,
    vae: Any,
    loss: Callable[[Tensor], tuple[Tensor, Tensor]],
    lr: float,
    device: str,
    seed: int,
    *,
    crops: float,
) -> Pool:
    """Train what of a VAE may learn for so many minutes; loss: frames (b 3 h w) in -1…1 → their loss, and
    what they become. crops: of the way, on crops, four of a quarter the size, which show more scenes for the
    work of one whole frame."""
    log = Log(folder / "vae.log.jsonl")
    maker = WorldMaker(Mixture(), seed, frames=2, device=device)

    def frames(n: int, number: int) -> dict[str, Tensor]:
        return {"x": (maker.render(n // 2, number).video.flatten(0, 1) * 255).byte()}

    torch.manual_seed(seed)
    machine = Machine.tried(device)
    log(machine=machine.said())
    pool = Pool(frames, 2048, reuse=6, begin=768)
    learning = [part for part in (vae.encoder, vae.decoder) if next(part.parameters()).requires_grad]
    both = optimisers(torch.nn.ModuleList(learning), lr)
    for step, share in enumerate(until(minutes)):
        set_rate(both, lr * min(1, (step + 1) / 50, 4 * (1 - share)))
        x = (_corner(pool.draw(32), 32) if share < crops else pool.draw(8)["x"]).float() / 127.5 - 1
        with machine.products():
            found, y = loss(x)
        vae.zero_grad()
        found.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        for optimiser in both:
            optimiser.step()
        if step % 50 == 0:
            psnr = -10 * (F.mse_loss(y, x) / 4).log10().item()
            log(step=step, share=share, loss=found.item(), psnr=psnr)
    log(saved=True)
    return pool


def _corner(rows: dict[str, Tensor], side: int) -> Tensor:
    """The same random crop of every frame."""
    x = rows["x"]
    top, left = (int(torch.randint(size - side + 1, ())) for size in x.shape[-2:])
    return x[..., top : top + side, left : left + side]


def until(minutes: float) -> Iterator[float]:
    """Shares of the time that have passed, until it is over."""
    start = time.monotonic()
    while (share := (time.monotonic() - start) / (60 * minutes)) < 1:
        yield share
