"""What this machine does fastest, found out by trying for a second: the number type of products, and the
attention."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

MARGIN = 1.5  # times as fast make bfloat16 worth its copies and coarser steps
_SIDE = 512  # of the matrices that are multiplied
_PLAIN = [SDPBackend.MATH]
_FUSED = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, *_PLAIN]


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
        """Whether attention is done as products and a softmax: a CPU's fused kernel can be slow, on
        few frames and in bfloat16 above all."""
        return self.plain < self.fused

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
        kind = torch.bfloat16 if rates[1] > MARGIN * rates[0] else torch.float32
        times = []
        for backends in (_FUSED, _PLAIN):
            with _attending(backends):
                times.append(1000 * _seconds(_attention(kind, device), device))
        return cls(device, *rates, *times)

    @contextlib.contextmanager
    def products(self) -> Iterator[None]:
        """A context in which products run in the faster number type, and attention in the faster way."""
        halves = torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.halves)
        with halves, _attending(_PLAIN if self.attends_plainly else _FUSED):
            yield


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


@contextlib.contextmanager
def _attending(backends: list[SDPBackend]) -> Iterator[None]:
    """Attention by these ways; plainly, without a detour through float32."""
    before = torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed()
    torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(True)
    try:
        with sdpa_kernel(backends):
            yield
    finally:
        torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(before)


def _attention(kind: torch.dtype, device: str) -> Callable[[], None]:
    """One forward and backward pass over the frames of 8 clips of 16 frames at 256 places."""
    q, k, v = torch.randn(3, 2048, 2, 16, 16, device=device, dtype=kind).requires_grad_()

    def once() -> None:
        F.scaled_dot_product_attention(q, k, v).sum().backward()

    return once
