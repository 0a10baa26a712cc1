"""What steering costs on each family at its real size: FLOPs of a run and peak memory of a step, counted, not run.

The denoisers have their published sizes and no weights: tensors without data pass through them, so that a laptop can
count what a data centre would compute. FLOPs: the whole run's denoising, 9 guided steps, 2 gradients each, over plain
sampling; attention included. Memory: weights and activations in bfloat16 with fused attention, the gradient's step
over the plain step, without and with `Settings.save_memory`. Text encoders and VAEs count in neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import diffusers
import torch
from diffusers.models.embeddings import get_3d_rotary_pos_embed_allegro
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from moft.bench import cost, counting
from moft.models.families import FAMILIES
from moft.models.families.family import default_layer
from moft.models.hooks import checkpointed, frozen, run_until


@dataclass(frozen=True)
class Real:
    """A published model: its denoiser, how a pipeline calls it, and in how many steps."""

    model: str
    family: str
    denoiser: Callable[[], torch.nn.Module]
    call: Callable[[int], dict[str, Any]]  # number of clips in the batch → the denoiser's arguments
    steps: int = 50
    branches: int = 2  # guidance batch; 1 for distilled guidance


def _t(*shape: int) -> Tensor:
    return torch.zeros(shape)


def _ones(*shape: int) -> Tensor:
    return torch.ones(shape)


def _allegro_rope() -> tuple[Any, Any]:
    """As its pipeline makes it."""
    grid = (22, 45, 80)
    *frequencies, t, h, w = get_3d_rotary_pos_embed_allegro(
        96, ((0, 0), grid[1:]), grid[1:], grid[0], (2.2, 2.0, 2.0)
    )
    places = torch.cartesian_prod(t.long(), h.long(), w.long()).T.reshape(3, 1, -1)
    return tuple(frequencies), tuple(places)


def _class(name: str, **config: Any) -> Callable[[], torch.nn.Module]:
    return lambda: getattr(diffusers, name)(**config)


_SD = dict(block_out_channels=(320, 640, 1280, 1280), layers_per_block=2)

MODELS = (
    Real(
        "AnimateDiff v1.5, 16 × 512²",
        "AnimateDiff",
        _class(
            "UNetMotionModel",
            **_SD,
            cross_attention_dim=768,
            num_attention_heads=8,
            motion_num_attention_heads=8,
            use_motion_mid_block=False,
        ),
        lambda n: dict(
            sample=_t(n, 4, 16, 64, 64), timestep=_t(1), encoder_hidden_states=_t(16 * n, 77, 768)
        ),
        steps=25,
    ),
    Real(
        "ModelScope 1.7B, 16 × 256²",
        "ModelScope",
        _class("UNet3DConditionModel", **_SD, cross_attention_dim=1024, attention_head_dim=64),
        lambda n: dict(sample=_t(n, 4, 16, 32, 32), timestep=_t(1), encoder_hidden_states=_t(n, 77, 1024)),
    ),
    Real(
        "SVD, 14 × 576 × 1024",
        "Stable Video Diffusion",
        _class("UNetSpatioTemporalConditionModel", num_attention_heads=(5, 10, 20, 20)),
        lambda n: dict(
            sample=_t(n, 14, 8, 72, 128),
            timestep=_t(1),
            encoder_hidden_states=_t(n, 1, 1024),
            added_time_ids=_t(n, 3),
        ),
        steps=25,
    ),
    Real(
        "CogVideoX-2b, 49 × 480 × 720",
        "CogVideoX",
        _class("CogVideoXTransformer3DModel"),
        lambda n: dict(
            hidden_states=_t(n, 13, 16, 60, 90), timestep=_t(n), encoder_hidden_states=_t(n, 226, 4096)
        ),
    ),
    Real(
        "Wan 2.1 T2V 1.3B, 81 × 480 × 832",
        "Wan",
        _class("WanTransformer3DModel", num_attention_heads=12, ffn_dim=8960, num_layers=30),
        lambda n: dict(
            hidden_states=_t(n, 16, 21, 60, 104), timestep=_t(n), encoder_hidden_states=_t(n, 512, 4096)
        ),
    ),
    Real(
        "LTX-Video 2B, 161 × 512 × 704",
        "LTX",
        _class("LTXVideoTransformer3DModel"),
        lambda n: dict(
            hidden_states=_t(n, 21 * 16 * 22, 128),
            timestep=_t(n),
            encoder_hidden_states=_t(n, 128, 4096),
            encoder_attention_mask=_ones(n, 128),
            num_frames=21,
            height=16,
            width=22,
            rope_interpolation_scale=(8 / 25, 32, 32),
        ),
    ),
    Real(
        "Latte-1, 16 × 512²",
        "Latte",
        _class(
            "LatteTransformer3DModel",
            num_attention_heads=16,
            attention_head_dim=72,
            in_channels=4,
            out_channels=8,
            num_layers=28,
            cross_attention_dim=1152,
            attention_bias=True,
            sample_size=64,
            patch_size=2,
            activation_fn="gelu-approximate",
            num_embeds_ada_norm=1000,
            norm_type="ada_norm_single",
            norm_elementwise_affine=False,
            norm_eps=1e-6,
            caption_channels=4096,
            video_length=16,
        ),
        lambda n: dict(
            hidden_states=_t(n, 4, 16, 64, 64), timestep=_t(n), encoder_hidden_states=_t(n, 120, 4096)
        ),
    ),
    Real(
        "HunyuanVideo, 61 × 544 × 960",
        "HunyuanVideo",
        _class("HunyuanVideoTransformer3DModel"),
        lambda n: dict(
            hidden_states=_t(n, 16, 16, 68, 120),
            timestep=_t(n),
            encoder_hidden_states=_t(n, 256, 4096),
            encoder_attention_mask=_ones(n, 256),
            pooled_projections=_t(n, 768),
            guidance=_t(n),
        ),
        branches=1,
    ),
    Real(
        "Mochi 1, 85 × 480 × 848",
        "Mochi",
        _class("MochiTransformer3DModel"),
        lambda n: dict(
            hidden_states=_t(n, 12, 15, 60, 106),
            timestep=_t(n),
            encoder_hidden_states=_t(n, 256, 4096),
            encoder_attention_mask=_ones(n, 256).bool(),
        ),
        steps=64,
    ),
    Real(
        "Allegro, 88 × 720 × 1280",
        "Allegro",
        _class("AllegroTransformer3DModel"),
        lambda n: dict(
            hidden_states=_t(n, 4, 22, 90, 160),
            timestep=_t(n),
            encoder_hidden_states=_t(n, 512, 4096),
            encoder_attention_mask=_ones(n, 512),
            image_rotary_emb=_allegro_rope(),
        ),
        steps=100,
    ),
)


# ---------------------------------------------------------------- counting


def plain(model: Any, real: Real) -> None:
    """One plain step: the whole guidance batch."""
    with torch.no_grad():
        model(**real.call(real.branches))


def gradient(model: Any, real: Real, family: Any, layer: str) -> None:
    """One update's gradient: the conditional branch up to the feature layer, and back."""
    call = real.call(1)
    call[family.latents].requires_grad_(True)
    with frozen(model):
        output = run_until(model, layer, lambda: model(**call))
        (output[0] if isinstance(output, tuple) else output).float().square().mean().backward()


def count(real: Real) -> dict[str, Any]:
    family = next(f for f in FAMILIES if f.name == real.family)
    with FakeTensorMode():
        layer = default_layer(family, real.denoiser())
    return {
        "model": real.model,
        "family": real.family,
        "layer": layer,
        "steps": real.steps,
        "flops": flops(real, family, layer),
        **memory(real, family, layer),
    }


def flops(real: Real, family: Any, layer: str) -> float:
    """FLOPs of a steered run over a plain one."""
    found = []
    with FakeTensorMode():
        model = real.denoiser().eval()
        for step in (lambda: plain(model, real), lambda: gradient(model, real, family, layer)):
            found.append(counting.flops(step))
    return 1 + cost.WHOLE.guided * cost.UPDATES * found[1] / (real.steps * found[0])


def memory(real: Real, family: Any, layer: str) -> dict[str, float]:
    """Peak memory of a plain step, GB, and that of a gradient over it, as it is and with `Settings.save_memory`."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with FakeTensorMode():
            model = real.denoiser().eval()
            weights = sum(p.nbytes for p in model.parameters())
            before = weights + counting.memory(lambda: plain(model, real))
            free = weights + counting.memory(lambda: gradient(model, real, family, layer))
            with checkpointed(model, family.segments, layer):
                saving = weights + counting.memory(lambda: gradient(model, real, family, layer))
    finally:
        torch.set_default_dtype(usual)
    return {
        "weights_gb": weights / 2**30,
        "plain_gb": before / 2**30,
        "memory": free / before,
        "memory_saving": saving / before,
    }


def real_costs(say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Every model of `MODELS`: FLOPs and memory as ratios to plain sampling, numbers rounded."""
    rows = []
    with _nothing_masked():
        for real in MODELS:
            say(real.model)
            rows.append({k: round(v, 3) if isinstance(v, float) else v for k, v in count(real).items()})
    return rows


@contextmanager
def _nothing_masked() -> Iterator[None]:
    """Inside, `torch.nonzero` is that of a mask which hides nothing: tensors without data cannot tell. Mochi looks up
    which of the prompt's tokens are masked."""
    usual = torch.nonzero

    def all_there(mask: Tensor, as_tuple: bool = False) -> Tensor:
        return torch.arange(mask.numel())[:, None]

    torch.nonzero = all_there  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.nonzero = usual
