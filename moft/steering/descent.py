"""From losses to moved latents: gradients, each kept inside its own region, and the rule by which latents go
down them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from moft.errors import BackboneError
from moft.feature.regions import at_cells
from moft.models.hooks import gradient
from moft.steering.objective import Look, Objective, inside

if TYPE_CHECKING:
    from moft.steering.settings import Settings
    from moft.steering.told import Report


LEAST_SCALE = 2.0**-8  # of the loss, to which a float16 gradient that overflows backs off


class Gradients:
    """Losses and their gradients; half precision is scaled, and the scale halves where it overflows: `again`
    says that the gradient should be taken once more, with the lower scale, which stays."""

    def __init__(self, loss_scale: float, report: Report) -> None:
        self._scale = self._usual = loss_scale
        self._report, self.again = report, False

    def begin(self) -> None:
        """A run begins."""
        self._scale = self._usual

    def of(self, objectives: Sequence[Objective], look: Look) -> tuple[float, Tensor | None]:
        """(Σ strength · loss, its gradient by `look.latents`, (b c f h w)). Each objective moves its own
        region alone: what it asks of the others' would work against them. None for a loss or a gradient that
        is not finite, with a warning unless it should be taken `again`.

        Raises BackboneError if the latents have no say in the loss."""
        half = look.tap.denoiser.dtype == torch.float16
        scale = self._scale if half else 1.0
        x = look.latents
        losses = [objective.strength * objective.loss(look) for objective in objectives]
        whole = torch.zeros_like(x)
        for objective, loss in zip(objectives, losses, strict=True):
            own = gradient(loss * scale, x, keep=loss is not losses[-1])
            if own is None:
                raise BackboneError(
                    f"no gradient comes from {objective.layer!r} to the latents: something in between cuts "
                    "it off; undo what wraps the denoiser's forward, or choose another layer"
                )
            region = objective.region
            whole += own if region is None else own * at_cells(region, x.shape[-3:]).to(own)
        whole, total = whole / scale, sum(loss.item() for loss in losses)
        fine = math.isfinite(total)
        if fine and whole.isfinite().all():
            self.again = False
            return total, whole
        self.again = fine and half and scale > LEAST_SCALE
        if self.again:
            self._scale /= 2
            self._report.overflows += 1
            self._report.loss_scale = self._scale
            return total, None
        warnings.warn("a gradient is not finite; its update is skipped", RuntimeWarning, stacklevel=2)
        return total, None


class Descent:
    """By how much latents go against a gradient: `Settings.rule`, `step_size` and `clip_frames`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._adam: torch.optim.Adam | None = None  # that rule's moments, over the updates of one step

    def start(self) -> None:
        """A new denoising step begins."""
        self._adam = None

    def moved(
        self, latents: Tensor, gradient: Tensor, objectives: Sequence[Objective], unit: Tensor, times: int = 1
    ) -> Tensor:
        """Latents (b c f h w) after so many updates down one gradient of what the denoiser takes for them,
        `unit` times as large as they."""
        found = latents - times * self.update(gradient, objectives) / unit
        wanted = self.settings.keep_spread
        if not (any(o.keep_spread for o in objectives) if wanted is None else wanted) or found.equal(latents):
            return found  # what did not move stays bit for bit
        keep = self._where(latents, objectives)
        (mean, spread), (was, wide) = _spread(found, keep), _spread(latents, keep)
        return latents + keep * ((found - mean) / spread.clamp_min(1e-20) * wide + was - latents)

    def update(self, gradient: Tensor, objectives: Sequence[Objective]) -> Tensor:
        """What to take from the latents for a gradient (b c f h w) of these objectives."""
        shaped = self._shaped(gradient, objectives)
        size = self.settings.step_size
        if size is None:
            size = max(objective.step_size for objective in objectives)
        return size * (self._by_adam(shaped) if self.settings.rule == "adam" else shaped)

    def _by_adam(self, gradient: Tensor) -> Tensor:
        """Minus the move of Adam at a learning rate of 1."""
        self._adam = self._adam or torch.optim.Adam([torch.zeros_like(gradient)], lr=1.0)
        (moved,) = self._adam.param_groups[0]["params"]
        moved.zero_()
        moved.grad = gradient
        self._adam.step()
        return -moved

    def _shaped(self, gradient: Tensor, objectives: Sequence[Objective]) -> Tensor:
        """The gradient inside the regions and on the first frames only (Eq. 8), of unit rms unless plain."""
        keep = self._where(gradient, objectives)
        gradient = gradient * keep
        if self.settings.rule == "plain":
            return gradient
        sums = gradient.square().sum(
            (1, 2, 3, 4), keepdim=True
        )  # per clip, so a batch does not couple its clips
        return gradient / (sums / (keep.sum() * gradient.shape[1])).sqrt().clamp_min(1e-20)

    def _where(self, latents: Tensor, objectives: Sequence[Objective]) -> Tensor:
        """What of latents (b c f h w) may move, (1 1 f h w) in 0…1."""
        keep = torch.ones_like(latents[:1, :1])
        where = inside(objectives, latents.shape[-3:])
        if where is not None:
            keep = keep * where.to(latents)
        if self.settings.clip_frames is not None:
            keep[:, :, self.settings.clip_frames :] = 0
        return keep


def _spread(latents: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each clip (b 1 1 1 1) over what weighs."""
    axes, total = (1, 2, 3, 4), weight.sum() * latents.shape[1]
    mean = (weight * latents).sum(axes, keepdim=True) / total
    return mean, ((weight * (latents - mean).square()).sum(axes, keepdim=True) / total).sqrt()
