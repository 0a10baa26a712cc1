"""How to steer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from moft.errors import RequestError
from moft.feature.losses import LOSSES

_RULES = ("normalised", "plain", "adam")


@dataclass(frozen=True)
class Settings:
    """How to steer. The defaults follow the paper and its release where they say anything."""

    steps: tuple[float, float] | None = (
        None  # guided share of the denoising steps for requests without; None: what suits
    )
    gradient_steps: int = 2  # updates of the latents in each guided step (release)
    step_size: float = (
        0.3  # η; rms change of a latent per update if normalised, factor of the gradient if plain
    )
    rule: str = "normalised"  # "normalised": step_size · g / rms(g), free of the model's scale; "adam": Adam on it; "plain": Alg. 1
    loss: str | None = (
        None  # a name in moft.feature.losses.LOSSES; None: what suits each request, `Reference.loss` or `region_loss`
    )
    clip_frames: int | None = None  # move only the first N latent frames (Eq. 8; the paper uses 8); None: all
    keep: float = (
        1.0  # share of the denoising steps in which the surroundings of the regions stay as in `plain`
    )
    keep_keys: float = 0.0  # share of the steps, from the first, that take keys and values over from `plain` (paper, Sec. 3.3)
    carry: float = 0.0  # > 0: no gradients; after this share of the steps, regions get the first frame of `plain`, moved as asked
    fused: bool = False  # one gradient a guided step, from the pipeline's own call: a quarter of the extra cost; see `Steering`
    save_memory: bool = (
        False  # recompute activations in the backward pass: a third more work for a gradient, far less memory
    )
    loss_scale: float = 2.0**16  # for float16 denoisers, whose gradients underflow otherwise

    def __post_init__(self) -> None:
        low, high = self.steps or (0, 1)
        _require(0 <= low < high <= 1, "steps (start, end) with 0 ≤ start < end ≤ 1", self.steps)
        _require(self.gradient_steps >= 1, "gradient_steps ≥ 1", self.gradient_steps)
        _require(
            np.isfinite(self.step_size) and self.step_size >= 0, "a finite step_size ≥ 0", self.step_size
        )
        _require(self.rule in _RULES, f"a rule among {', '.join(_RULES)}", self.rule)
        _require(self.loss in (None, *LOSSES), f"a loss among {', '.join(LOSSES)}", self.loss)
        _require(0 <= self.keep <= 1, "keep in 0…1", self.keep)
        _require(0 <= self.keep_keys <= 1, "keep_keys in 0…1", self.keep_keys)
        _require(0 <= self.carry < 1, "carry in 0…1, less than 1", self.carry)
        _require(
            not (self.fused and self.keep_keys),
            "fused or keep_keys, since a guidance batch run in parts takes none over",
            "both",
        )
        _require(
            self.clip_frames is None or self.clip_frames >= 1, "clip_frames ≥ 1 or None", self.clip_frames
        )


def _require(fine: bool, expected: str, got: object) -> None:
    if not fine:
        raise RequestError(f"expected {expected}, got {got!r}")
