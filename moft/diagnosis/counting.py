"""What a run computes and keeps: FLOPs and bytes, counted on any machine, with or without data."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode


def flops(run: Callable[[], object]) -> int:
    """FLOPs of whatever runs inside, forward and backward.

    Attention is computed step by step for that, since fused it is not counted."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        run()
    return int(counter.get_total_flops())


def memory(run: Callable[[], object], used: dict[int, int] | None = None) -> int:
    """Most bytes of tensors that were alive at once, of those made inside; views of others, such as weights
    turned round, are none.

    used: gets the bytes of each of those others that is computed with, by its storage; not of tables that
        rows are looked up in."""
    with _Peak({} if used is None else used) as peak:
        run()
    return peak.most


class _Peak(TorchDispatchMode):
    def __init__(self, used: dict[int, int]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.most = 0
        self._used, self._made = used, set[int]()
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        looked_up = func is torch.ops.aten.embedding.default
        for value in torch.utils._pytree.tree_leaves((args, kwargs)):
            if isinstance(value, Tensor):
                storage = value.untyped_storage()
                self._note(storage, made=False)
                if storage._cdata not in self._made and not (looked_up and value is args[0]):
                    self._used[storage._cdata] = storage.nbytes()
        results = func(*args, **(kwargs or {}))
        for value in torch.utils._pytree.tree_leaves(results):
            if isinstance(value, Tensor):
                self._note(value.untyped_storage(), made=True)
        return results

    def _note(self, storage: torch.UntypedStorage, made: bool) -> None:
        key, size = storage._cdata, storage.nbytes() if made else 0
        if key in self._known:
            return
        self._known.add(key)
        if made:
            self._made.add(key)
        self.now += size
        self.most = max(self.most, self.now)

        def gone() -> None:
            self._known.discard(key)
            self._made.discard(key)
            self.now -= size

        weakref.finalize(storage, gone)


__all__ = ["flops", "memory"]
