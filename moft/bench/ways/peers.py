"""The objectives of other systems, each as a class of a few lines on the attachment that MOFT is steered by.

What differs between them is what they read of the model and how they compare it with a clip (or with the
wanted motion). The steps, the number of gradients and the step rule (`moft.steering.settings.Settings`: the
gradient at unit rms times the step size) are the same for all, and each has a step size of its own, found
with the same budget (`moft.bench.ways.tuning`). Clips are brought to a noise level by adding noise, as
MotionClone and `moft` do it, also where the authors invert; the prompt is empty then.

DiTFlow's displacements from attention (Pondaven et al., CVPR 2025) are left out: they need attention between
places of different frames, and both miniatures attend within a frame, or over time at one place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from einops import rearrange
from torch import Tensor

from moft.bench.task import Task, Way
from moft.bench.ways.losses import (
    alignment_loss,
    cell_paths,
    low_frequencies,
    pairwise_loss,
    top_entries_loss,
)
from moft.errors import BackboneError, RequestError
from moft.feature.definition import pool
from moft.feature.read import encode
from moft.feature.statistics import find_statistics
from moft.models.calls import Call
from moft.models.hooks import capture, submodule
from moft.models.tap import Tap
from moft.request.motion import Motion
from moft.steering.entry import guided
from moft.steering.guide import Guide
from moft.steering.objective import EARLY, Look, Objective
from moft.steering.settings import Settings
from moft.types import ClipSize


@dataclass(frozen=True)
class Peer(Objective):
    """Another system's loss of the whole frame; a subclass says what is read and how it is compared."""

    level: ClassVar[float | None] = None  # (0…1000) noise at which the clip is read; None: that of each step
    guide: ClassVar[type[Guide]] = Guide

    motion: Motion  # what is wanted
    clip: Tensor  # latents (1 c f h w) of the clip that shows it
    empty: Call  # how the denoiser is called for that clip and an empty prompt
    known: dict[float, Tensor] = field(default_factory=dict)  # what was read of it, by noise level

    @classmethod
    def of(cls, pipe: Any, task: Task, settings: Settings) -> Peer:
        """The objective for a task.

        Raises RequestError for fused settings, which only read MOFT's layer, and where no statistics are
        known for the model, whose layer is read; BackboneError for a model without what is to be read."""
        if settings.fused:
            raise RequestError(
                "expected settings that are not fused for a peer's objective, got fused; leave it out"
            )
        statistics = find_statistics(pipe)
        tap = Tap(pipe, statistics.layer, statistics.timestep)
        behind = cls.behind(tap)
        with torch.no_grad():
            clip = encode(tap, task.reference[None])
        return cls(
            behind,
            statistics.timestep,
            steps=settings.steps or EARLY,
            motion=task.motion,
            clip=clip,
            empty=tap.first_call([""], clip, task.reference[None, 0]),
        )

    @classmethod
    def behind(cls, tap: Tap) -> str:
        """The layer behind which reading stops."""
        return tap.layer

    def loss(self, look: Look) -> Tensor:
        seen = self.read(look.tap, look.inputs, float(look.timestep), look.call)
        return self.compare(seen, self.of_clip(look.tap, float(look.timestep)), look.size)

    def read(self, tap: Tap, inputs: Tensor, timestep: float, call: Call) -> Tensor:
        """What is compared, of what the denoiser takes (b c f h w); clips along the first axis."""
        return tap.read(inputs, timestep, call)

    def compare(self, seen: Tensor, clip: Tensor, size: ClipSize) -> Tensor:
        """The loss of what was read against that of the clip."""
        raise NotImplementedError

    @torch.no_grad()
    def of_clip(self, tap: Tap, timestep: float) -> Tensor:
        """What is read of the clip, for a step at this timestep."""
        level = timestep if self.level is None else self.level
        if level not in self.known:
            noise = torch.randn(self.clip.shape, generator=torch.Generator().manual_seed(0)).to(self.clip)
            self.known[level] = self.read(tap, *tap.noised(self.clip, noise, level), self.empty)
        return self.known[level]


class SpaceTimeMeans(Peer):
    """DMT, "Space-Time Diffusion Features for Zero-Shot Text-Driven Motion Transfer" (Yatim et al., 2024).

    `pairwise_loss` of features' spatial means (SMM), the clip's at the noise level of each step; read at
    MOFT's layer, as in MOFT's Table 1.
    Left out: inversion, and starting from the clip's own low frequencies."""

    def compare(self, seen: Tensor, clip: Tensor, size: ClipSize) -> Tensor:
        return pairwise_loss(pool(seen), pool(clip))


class TemporalAttention(Peer):
    """MotionClone (Ling et al., ICLR 2025): `top_entries_loss` of the attention over time.

    In up block 1, all motion modules and heads; the clip's at one noise level, 400 as in their code. Left
    out: the schedule that fades the loss in and out."""

    level: ClassVar[float | None] = 400
    pattern: ClassVar[str] = r"up_blocks\.1\.motion_modules\.\d+"

    @classmethod
    def behind(cls, tap: Tap) -> str:
        return _sites(tap, cls.pattern)[-1]

    def read(self, tap: Tap, inputs: Tensor, timestep: float, call: Call) -> Tensor:
        """Attention (b m n heads f f) of m attentions at n cells."""
        sites = _sites(tap, self.pattern + r"\.transformer_blocks\.\d+\.attn\d")
        with capture(tap.denoiser, [f"{site}.{name}" for site in sites for name in ("to_q", "to_k")]) as seen:
            super().read(tap, inputs, timestep, call)
        maps = []
        for site in sites:
            attention = submodule(tap.denoiser, site)
            query, key = (
                rearrange(
                    seen[f"{site}.{name}"], "(b n) f (k c) -> b n k f c", b=len(inputs), k=attention.heads
                )
                for name in ("to_q", "to_k")
            )
            maps.append((query @ key.mT * attention.scale).softmax(-1))
        return torch.stack(maps, 1).float()

    def compare(self, seen: Tensor, clip: Tensor, size: ClipSize) -> Tensor:
        return top_entries_loss(seen, clip)


class LowFrequencies(Guide):
    """Guides by `low_frequencies` alone: afterwards the high ones that the latents had are put back."""

    def guided(self, latents: Tensor, call: Call, index: int, due: Sequence[Objective]) -> Tensor:
        before = latents.float()
        return before + low_frequencies(super().guided(latents, call, index, due) - before)


class FirstFrameFeatures(Peer):
    """SG-I2V (Namekata et al., ICLR 2025): `alignment_loss` of the outputs of spatial self-attentions.

    Those of up block 1, which see keys and values of the first frame while they are read; afterwards the high
    frequencies that the latents had before are put back. It follows the wanted motion itself, not a clip. The
    first frame is an image's there; here its latents are left as they are, or it would be drawn anew to suit
    the others. Theirs is the next block, where the miniature has no attention. Left out: boxes with Gaussian
    weights; here every cell counts alike."""

    guide: ClassVar[type[Guide]] = LowFrequencies

    @classmethod
    def behind(cls, tap: Tap) -> str:
        return _sites(tap, r"up_blocks\.1\.attentions\.\d+")[-1]

    def of_clip(self, tap: Tap, timestep: float) -> Tensor:
        """Nothing of the clip."""
        return self.clip

    def read(self, tap: Tap, inputs: Tensor, timestep: float, call: Call) -> Tensor:
        """Features (b f c h w), those of all the attentions one behind the other in c."""
        denoiser, (b, _, f) = tap.denoiser, inputs.shape[:3]
        inputs = torch.cat([inputs[:, :, :1].detach(), inputs[:, :, 1:]], 2)
        sites = _sites(tap, r"up_blocks\.1\.attentions\.\d+\.transformer_blocks\.\d+\.attn1")

        def first(_module: object, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            return (args[0].unflatten(0, (b, f))[:, :1].expand(-1, f, -1, -1).flatten(0, 1), *args[1:])

        with ExitStack() as stack, capture(denoiser, sites) as seen:
            for site in sites:
                for name in ("to_k", "to_v"):
                    stack.callback(
                        submodule(denoiser, f"{site}.{name}").register_forward_pre_hook(first).remove
                    )
            height = super().read(tap, inputs, timestep, call).shape[3]
        return torch.cat(
            [rearrange(seen[s], "(b f) (h w) c -> b f c h w", b=b, h=height) for s in sites], 2
        ).float()

    def compare(self, seen: Tensor, clip: Tensor, size: ClipSize) -> Tensor:
        return alignment_loss(seen, cell_paths(self.motion, size, *seen.shape[-2:]).to(seen), size)


class CleanDifferences(Peer):
    """After FlowMotion (Wang et al., CVPR 2026, arXiv:2603.06289): differences of clean latents.

    The mean squared difference between the steps from frame to frame of the clean latents that the model
    predicts and those of the clip's latents. What it predicts as noise is held constant, so nothing goes back
    through the network: the gradient is one line. Left out: the loss on the clean latents themselves,
    which asks for the clip's content, and the regularised velocity; they sample by flow matching, the
    miniature by DDIM."""

    def loss(self, look: Look) -> Tensor:
        inputs, timestep = look.inputs, float(look.timestep)
        with torch.no_grad():
            predicted = look.tap.predicted(inputs.detach(), timestep, look.call)
            clean, signal = look.tap.host.parametrisation.clean(inputs.detach(), predicted, timestep)
        clean = clean + (inputs - inputs.detach()) / signal  # with the predicted noise constant
        return (clean.diff(dim=2) - self.clip.diff(dim=2).to(clean)).square().mean()


def _sites(tap: Tap, pattern: str) -> list[str]:
    """Names of the denoiser's submodules that match, in their order."""
    names = [name for name, _ in tap.denoiser.named_modules() if re.fullmatch(pattern, name)]
    if not names:
        raise BackboneError(
            f"{type(tap.denoiser).__name__} has no {pattern}; this objective is for AnimateDiff's"
        )
    return names


def way(peer: type[Peer]) -> Way:
    """Steering by a peer's objective, moved by its own guide."""

    def steered(pipe: Any, task: Task, settings: Settings) -> AbstractContextManager[Any]:
        return guided(pipe, [peer.of(pipe, task, settings)], settings, guide=peer.guide).attached()

    return steered
