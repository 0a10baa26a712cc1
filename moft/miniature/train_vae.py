"""Trains the miniature's VAE, on single frames."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from moft.known.world.renderer import WorldMaker
from moft.known.world.scenes import Mixture
from moft.miniature.machine import Machine
from moft.miniature.optimisers import optimisers, set_rate
from moft.miniature.pool import Log, Pool


def train_vae(folder: Path, minutes: float, vae: Any, device: str = "cpu", seed: int = 0) -> None:
    """Fit a VAE on single frames and set its scaling factor so that latents have unit variance."""
    log = Log(folder / "vae.log.jsonl")
    maker = WorldMaker(Mixture(), seed, frames=2, device=device)

    def frames(n: int, number: int) -> dict[str, torch.Tensor]:
        return {"x": (maker.render(n // 2, number).video.flatten(0, 1) * 255).byte()}

    torch.manual_seed(seed)
    vae, machine = vae.to(device), Machine.tried(device)
    log(machine=machine.said())
    alone = {"num_frames": 1} if "num_frames" in inspect.signature(vae.decode).parameters else {}
    pool = Pool(frames, 2048, reuse=6, begin=768)
    both = optimisers(vae, 2e-3)
    for step, share in enumerate(until(minutes)):
        set_rate(both, 2e-3 * min(1, (step + 1) / 50, 4 * (1 - share)))
        # Crops first: four of a quarter the size show more scenes for the same work than one whole frame.
        x = _corner(pool.draw(32), 32) if share < 0.7 else pool.draw(8)["x"]
        x = x.float() / 127.5 - 1
        with machine.products():
            posterior = vae.encode(x).latent_dist
            y = vae.decode(posterior.sample(), **alone).sample.float()
        loss = (
            F.mse_loss(y, x)
            + 0.1 * F.l1_loss(y, x)
            + 5e-4 * posterior.kl().float().mean() / posterior.mean[0].numel()
        )
        vae.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        for optimiser in both:
            optimiser.step()
        if step % 50 == 0:
            log(step=step, share=share, loss=loss.item(), psnr=-10 * (F.mse_loss(y, x) / 4).log10().item())
    with torch.no_grad():
        std = vae.encode(pool.draw(256)["x"].float() / 127.5 - 1).latent_dist.mean.std().item()
    vae.register_to_config(scaling_factor=1 / std)
    vae.save_pretrained(folder / "vae")
    log(saved=True, scaling_factor=1 / std)


def _corner(rows: dict[str, torch.Tensor], side: int) -> torch.Tensor:
    """The same random crop of every frame."""
    x = rows["x"]
    top, left = (int(torch.randint(size - side + 1, ())) for size in x.shape[-2:])
    return x[..., top : top + side, left : left + side]


def until(minutes: float) -> Iterator[float]:
    """Shares of the time that have passed, until it is over."""
    start = time.monotonic()
    while (share := (time.monotonic() - start) / (60 * minutes)) < 1:
        yield share
