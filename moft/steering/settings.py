"""How to steer."""

from __future__ import annotations

from dataclasses import dataclass

from moft.errors import RequestError
from moft.feature.losses import LOSSES
from moft.request.said import check, said

RULES = ("normalised", "plain", "adam")


@dataclass(frozen=True)
class Settings:
    """How to steer. The defaults follow the paper and its release where they say anything.

    Raises RequestError for what is out of range, and for what cannot go together.
    """

    steps: tuple[float, float] | None = said(
        None,
        "Guided share of the denoising steps, for requests that say nothing themselves; default: what suits.",
        unit="share of the steps",
        least=0,
        most=1,
    )
    gradient_steps: int | None = said(
        None,
        "Updates of the latents in each guided step; default: what suits each request (2 as in the release; "
        "1 for steady motions, stillness and fields).",
        least=1,
        most=1000,
    )
    step_size: float | None = said(
        None,
        "Change of the latents per update (η): its rms if normalised, the gradient's factor if plain; "
        "default: what suits each request (0.3 as in the release; 0.15 for steady motions and for stillness "
        "of regions, 0.05 for that of the whole frame).",
        least=0,
        most=1e6,
    )
    rule: str = said(
        "normalised",
        "How latents go down a gradient: by its direction, free of the model's scale; adam: by Adam on that; "
        "plain: as in Alg. 1.",
        choices=RULES,
    )
    loss: str | None = said(
        None,
        "How MOFT is compared with its target; default: what suits each request.",
        choices=lambda: tuple(LOSSES),
    )
    keep_spread: bool | None = said(
        None,
        "Bring latents back to the mean and spread that they had before each update, which keeps pictures "
        "whole; default: what suits (motions of the whole frame and fields do; regions, stillness and drags "
        "do not).",
    )
    clip_frames: int | None = said(
        None,
        "Move only the first N latent frames (Eq. 8; the paper uses 8); default: all.",
        unit="latent frames",
        least=1,
        most=2**14,
    )
    keep: float = said(
        1.0,
        "Share of the steps in which the surroundings of regions stay as in the plain run.",
        unit="share of the steps",
        least=0,
        most=1,
    )
    keep_keys: float = said(
        0.0,
        "Share of the steps that take over keys and values of the plain run, to keep its content (Sec. 3.3).",
        unit="share of the steps",
        least=0,
        most=1,
    )
    anew: int | None = said(
        None,
        "Draw what is inside regions anew, from other noise of this seed.",
        least=0,
        most=2**63 - 1,
    )
    carry: float = said(
        0.0,
        "Instead of gradients: after this share of the steps, move the plain run's first frame as asked; "
        "0.56 suits a real clip.",
        unit="share of the steps",
        least=0,
        most=0.99,
    )
    fused: bool = said(False, "Take gradients from the sampling itself: at most half of the extra cost.")
    save_memory: bool = said(
        False,
        "Compute layers again instead of keeping them: a third more work for a gradient, far less memory.",
    )
    loss_scale: float = said(
        2.0**16,
        "Factor of the loss for float16 denoisers, whose gradients underflow otherwise.",
        least=1e-6,
        most=1e9,
    )
    warp_noise: float | None = said(
        None,
        "How far the noise that a clip begins with goes along, as a share of the motion asked, so that "
        "textures go along; default: what suits (1.5 for motions of the whole frame, 1 for regions, "
        "stillness and fields, 0 for others).",
        least=0,
        most=10,
    )
    guided_steps: int | None = said(
        None,
        "How many of the guided steps take gradients, evenly spread; default: what suits (where nobody said "
        "the steps, of steady motions and stillness of the whole frame 5, of steady motions of regions 8; of "
        "others all).",
        least=1,
        most=1000,
    )

    def __post_init__(self) -> None:
        check(self)
        if self.steps is not None and not self.steps[0] < self.steps[1]:
            raise RequestError(f"expected steps (start, end) with 0 ≤ start < end ≤ 1, got {self.steps!r}")
        if self.anew is not None and self.carry:
            raise RequestError(
                "expected anew or carry, since what is carried would be drawn over, got 'both'; leave one out"
            )
        if self.warp_noise and self.carry:
            raise RequestError(
                "expected warp_noise or carry, since what is carried covers the noise, got 'both'; "
                "leave one out"
            )
        if self.fused and self.keep_keys:
            raise RequestError(
                "expected fused or keep_keys, since a guidance batch run in parts takes none over, got 'both'"
            )
