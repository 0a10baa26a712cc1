"""What a gradient does where memory ends: it is taken again in ways that need less, and come to the same."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from moft.errors import BackboneError
from moft.memory import is_out_of_memory
from moft.models.calls import parts_of
from moft.steering.objective import Look

if TYPE_CHECKING:
    from moft.models.tap import Tap
    from moft.steering.told import Report

AS_SET, SAVING, BY_CLIPS = 0, 1, 2
RUNGS = ("as set", "with save_memory", "clip by clip")


class Ladder:
    """As set; then layers computed again instead of kept, as `Settings.save_memory` does; then the clips of a
    batch one after the other. Each rung gives the same gradient for more work. A run stays on the rung that
    it came to."""

    def __init__(self, saving: bool, report: Report) -> None:
        self._lowest = self.rung = SAVING if saving else AS_SET
        self._report = report

    def begin(self) -> None:
        """A run begins."""
        self.rung = self._lowest

    def take(self, attempt: Callable[[int], Any], last: int) -> Any:
        """What `attempt` of the present rung gives, or of the next one, up to `last`, where memory ends.

        Raises BackboneError behind the last one."""
        while True:
            try:
                return attempt(self.rung)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if self.rung >= last:
                    raise BackboneError(
                        f"out of memory in a gradient, taken {RUNGS[self.rung]}; use fewer frames, a smaller "
                        "size, or leave fused out"
                    ) from error
            self.rung += 1  # behind the block, where nothing holds what the attempt had allocated
            self._report.memory = RUNGS[self.rung]
            warnings.warn(
                f"out of memory in a gradient; taken again {RUNGS[self.rung]}, with the same result",
                RuntimeWarning,
                stacklevel=2,
            )

    def saving(self, tap: Tap, rung: int) -> AbstractContextManager[None]:
        """What a rung needs in place while a gradient is taken."""
        return tap.checkpointed() if rung >= SAVING else nullcontext()


@dataclass(frozen=True)
class ByClips(Look):
    """A look that reads the clips of a batch one after the other, and again in the backward pass: it needs
    the memory of one."""

    @cached_property
    def features(self) -> Tensor:
        parts = parts_of(self.call, self.tap.family, 1)

        def read(index: int, inputs: Tensor) -> Tensor:
            return self.tap.read(inputs, float(self.timestep), parts[index]())

        clips = enumerate(self.inputs.split(1))
        return torch.cat([checkpoint(read, index, clip, use_reentrant=False) for index, clip in clips])
