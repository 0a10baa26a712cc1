"""A video model that begins as the image model inside the AnimateDiff miniature, as ModelScope's began as
Stable Diffusion: what works within a frame is taken over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from moft.models.loading import miniature_path

if TYPE_CHECKING:
    from transformers import CLIPTextModel


def text_encoder(_tokens: object) -> CLIPTextModel:
    """The AnimateDiff miniature's."""
    from transformers import CLIPTextModel

    return CLIPTextModel.from_pretrained(miniature_path(), subfolder="text_encoder", local_files_only=True)


@torch.no_grad()
def take_over(denoiser: nn.Module) -> set[str]:
    """Copy all weights of the AnimateDiff miniature's UNet that have a place of their name in the denoiser,
    where kernels of 1x1 may be matrices; returns the names of the weights that it had no values for."""
    from diffusers import UNetMotionModel

    unet = UNetMotionModel.from_pretrained(miniature_path(), subfolder="unet", local_files_only=True)
    there, left = unet.state_dict(), set()
    for name, weight in denoiser.state_dict().items():
        if name in there:
            weight.copy_(there[name].view_as(weight))
        else:
            left.add(name)
    return left


def settle(denoiser: nn.Module) -> None:
    """No dropout: examples are never seen often enough."""
    for module in denoiser.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
