"""What to try when a request was not followed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from moft.request.drag import Drag
from moft.request.like import Like
from moft.request.motion import Motion

if TYPE_CHECKING:
    from moft.steering.settings import Settings

LATE = 0.8  # share of the denoising steps up to which a remedy guides; later ones draw details


@dataclass(frozen=True)
class Remedy:
    """What to try when a request was not followed: other settings, or another seed."""

    words: str
    settings: Settings
    seed: int


def remedies(settings: Settings, seed: int, wanted: Sequence[Motion | Like | Drag]) -> Iterator[Remedy]:
    """What to try, one after the other and each on top of those before, without end: at last only other seeds.

    wanted: the requests; steps of their own are theirs to change.
    """
    found, steered = settings, [request for request in wanted if not isinstance(request, Drag)]
    if (
        steered and not settings.carry
    ):  # larger steps tear what is dragged (docs/steering.md); what is carried takes no gradients
        found = replace(settings, step_size=settings.step_size * 1.5)
        yield Remedy(f"step size {found.step_size:g} instead of {settings.step_size:g}", found, seed)
        if settings.steps is None and any(request.steps is None for request in steered):
            found = replace(found, steps=(0.12, LATE))
            yield Remedy(f"guided up to {LATE:.0%} of the steps", found, seed)
        before, found = found, replace(found, gradient_steps=found.gradient_steps * 2)
        yield Remedy(
            f"{found.gradient_steps} gradients a step instead of {before.gradient_steps}", found, seed
        )
    while True:
        seed = (seed + 1) % 2**63
        yield Remedy(f"seed {seed}", found, seed)
