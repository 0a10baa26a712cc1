"""What this machine does fastest, found out by trying for a second: the number type of products, and the
attention."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

MARGIN = 1.5  # times as fast make bfloat16 worth its copies and coarser steps, and plain attention its memory
_SIDE = 512  # of the matrices that are multiplied


@dataclass(frozen=True)
class Machine:
    """What was measured, and what follows for training."""

    device: str
    float32: float  # products in GFLOP/s
    bfloat16: float
    fused: float  # `scaled_dot_product_attention` over frames, milliseconds forward and back
    plain: float  # the same as products and a softmax

    @property
    def halves(self) -> bool:
        """Whether products run in bfloat16, as where the CPU has AMX."""
        return self.bfloat16 > MARGIN * self.float32

    @property
    def attends_plainly(self) -> bool:
        """Whether attention is done as products and a softmax: fused kernels can be slow on few frames."""
        return MARGIN * self.plain < self.fused

    def said(self) -> dict[str, object]:
        """For a log: what was measured and chosen."""
        chosen = {"chosen": "bfloat16" if self.halves else "float32", "plain attention": self.attends_plainly}
        return {name: round(v, 1) if isinstance(v, float) else v for name, v in vars(self).items()} | chosen

    @classmethod
    def tried(cls, device: str = "cpu") -> Machine:
        """Measure this one."""
        rates = [
            2e-9 * _SIDE**3 / _seconds(_product(kind, device), device)
            for kind in (torch.float32, torch.bfloat16)
        ]
        times = [1000 * _seconds(_attention(attend, device), device) for attend in (_fused, _plain)]
        return cls(device, *rates, *times)

    def prepare(self, denoiser: Any) -> None:
        """Give a diffusers model the faster attention; not for what is exported, which has its own."""
        if self.attends_plainly and hasattr(denoiser, "set_attn_processor"):
            from diffusers.models.attention_processor import AttnProcessor

            denoiser.set_attn_processor(AttnProcessor())

    def products(self) -> contextlib.AbstractContextManager[Any]:
        """A context in which products run in the faster number type."""
        return torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.halves)


def _seconds(work: Callable[[], object], device: str) -> float:
    """CPU seconds (on an accelerator, seconds) of the fastest of the runs that fit into a fifth of a second,
    after one to warm up; of one where none does."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    taken: list[float] = []
    work()
    while not taken or (sum(taken) < 0.2 and len(taken) < 20):
        start = clock()
        work()
        if device != "cpu":
            torch.accelerator.synchronize()
        taken.append(clock() - start)
    return max(min(taken), 1e-9)


def _product(kind: torch.dtype, device: str) -> Callable[[], Tensor]:
    a, b = torch.ones(2, _SIDE, _SIDE, dtype=kind, device=device)
    return lambda: a @ b


def _attention(attend: Callable[[Tensor, Tensor, Tensor], Tensor], device: str) -> Callable[[], None]:
    """One forward and backward pass over the frames of 8 clips of 16 frames at 256 places."""
    q, k, v = torch.randn(3, 2048, 2, 16, 16, device=device).requires_grad_()

    def once() -> None:
        attend(q, k, v).sum().backward()

    return once


def _fused(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(q, k, v)


def _plain(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return (q @ k.mT * q.shape[-1] ** -0.5).softmax(-1) @ v
