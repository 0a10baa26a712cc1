"""A double of a pipeline that runs in milliseconds: AnimateDiff's calls, a linear denoiser."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn

import moft

CHANNELS, FRAMES, SIDE, STEPS = 4, 4, 8, 10
KNOWN = moft.Statistics(
    torch.tensor([0, 2]), torch.eye(2), -torch.ones(2), torch.ones(2), "up_blocks.1", 300, "double"
)
LEFT = moft.Motion("left", speed="8px")


class UNetMotionModel(nn.Module):
    """Predicts 0.3, and `slope` times what its second layer shows."""

    config: dict[str, Any] = {}
    dtype = torch.float32

    def __init__(self, slope: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.slope = slope
        self.up_blocks = nn.ModuleList(nn.Conv2d(CHANNELS, CHANNELS, 1) for _ in range(3))

    def forward(
        self, sample: Tensor, timestep: Tensor, encoder_hidden_states: Tensor, return_dict: bool = True
    ) -> tuple[Tensor]:
        x = rearrange(sample, "b c f h w -> (b f) c h w")
        for block in self.up_blocks:
            x = block(x)
        shown = rearrange(x, "(b f) c h w -> b c f h w", b=len(sample))
        return (
            0.3
            + self.slope * (shown + encoder_hidden_states.mean((1, 2)).view(-1, 1, 1, 1, 1))
            + torch.zeros_like(sample),
        )


class AnimateDiffPipeline:
    """Samples as diffusers' pipelines do: a guidance batch, the scheduler's steps, a callback."""

    config: dict[str, Any] = {}
    vae_scale_factor = 8
    _execution_device = "cpu"

    def __init__(self, scheduler: Any, unet: UNetMotionModel | None = None) -> None:
        self.scheduler = scheduler
        self.unet = UNetMotionModel() if unet is None else unet

    @torch.no_grad()
    def __call__(
        self,
        seed: int = 0,
        num_inference_steps: int = STEPS,
        strength: float = 1.0,
        frames: int = FRAMES,
        side: int = SIDE,
        batch: int = 1,
        callback_on_step_end: Any = None,
        **schedule: Any,
    ) -> Tensor:
        draw = torch.Generator().manual_seed(seed)
        x = torch.randn(batch, CHANNELS, frames, side, side, generator=draw)
        given = schedule or {"num_inference_steps": num_inference_steps}
        if self.scheduler.config.get("use_dynamic_shifting"):
            given["mu"] = 1.0
        self.scheduler.set_timesteps(**given)
        timesteps = self.scheduler.timesteps
        first = len(timesteps) - min(int(len(timesteps) * strength), len(timesteps))
        if hasattr(self.scheduler, "set_begin_index"):
            self.scheduler.set_begin_index(first)
        x = x * getattr(self.scheduler, "init_noise_sigma", 1.0)
        words = torch.cat([torch.zeros(batch, 1, 2), torch.ones(batch, 1, 2)])
        takes, old, back = inspect.signature(self.scheduler.step).parameters, None, None
        for index, t in enumerate(timesteps[first:]):
            both = torch.cat([x, x])
            scale = getattr(self.scheduler, "scale_model_input", None)
            blank, said = self.unet(both if scale is None else scale(both, t), t, words)[0].chunk(2)
            told = {"generator": draw, "return_dict": False, "model_output": blank + 2 * (said - blank)}
            told |= {"timestep": t, "sample": x, "old_pred_original_sample": old, "timestep_back": back}
            x, *rest = self.scheduler.step(**{k: v for k, v in told.items() if k in takes})
            old, back = (rest or [None])[-1], t
            if callback_on_step_end is not None:
                x = callback_on_step_end(self, index, t, {"latents": x})["latents"]
        return x


def ddim() -> Any:
    from diffusers import DDIMScheduler

    return DDIMScheduler(clip_sample=False)


def double(slope: float = 0.5, scheduler: Any = None, unet: UNetMotionModel | None = None) -> Any:
    """A pipeline whose prediction depends on its latents."""
    return AnimateDiffPipeline(
        ddim() if scheduler is None else scheduler, UNetMotionModel(slope) if unet is None else unet
    )


def everything_about(pipe: Any) -> dict[str, Any]:
    """What steering could leave behind."""
    return {
        "hooks": [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in pipe.unet.modules()],
        "own": [sorted(set(vars(m)) & {"forward"}) for m in pipe.unet.modules()],
        "asking": [p.requires_grad for p in pipe.unet.parameters()],
        "scheduler": sorted(set(vars(pipe.scheduler)) & {"step", "set_timesteps"}),
    }
