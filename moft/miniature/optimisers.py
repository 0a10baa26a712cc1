"""What takes training's steps: Muon for matrices and kernels, AdamW for the rest."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Muon(torch.optim.Optimizer):
    """Momentum whose step is made orthogonal by Newton–Schulz iterations (Jordan et al., 2024).

    `torch.optim.Muon` iterates in bfloat16, which costs more than the whole training step on a CPU without
    bfloat16 units, and takes no convolutions; here their kernels are flattened, and those of one shape go
    through the iterations together. A step has the rms of one of AdamW's.
    """

    def __init__(self, parameters: list[nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            shapes: dict[tuple[int, ...], list[nn.Parameter]] = {}
            for p in group["params"]:
                if p.grad is not None:
                    shapes.setdefault(tuple(p.flatten(1).shape), []).append(p)
            for alike in shapes.values():
                self._step(alike, group["lr"], group["momentum"])

    def _step(self, alike: list[nn.Parameter], lr: float, momentum: float) -> None:
        """One step of parameters that have the same shape when flattened to matrices."""
        grads = [p.grad for p in alike if p.grad is not None]
        averages = [self.state[p].setdefault("average", torch.zeros_like(p)) for p in alike]
        torch._foreach_lerp_(averages, grads, 1 - momentum)
        ahead = torch._foreach_lerp(grads, averages, momentum)
        updates = orthogonal(torch.stack([update.flatten(1) for update in ahead]))
        weights: list[Tensor] = [*alike]
        torch._foreach_mul_(weights, 1 - 0.01 * lr)
        torch._foreach_add_(weights, [u.view_as(p) for u, p in zip(updates, alike, strict=True)], alpha=-lr)


def orthogonal(matrix: Tensor) -> Tensor:
    """The nearest orthogonal matrices to (… m n), roughly, scaled to an rms of 0.2 as AdamW's steps have."""
    tall = matrix.shape[-2] > matrix.shape[-1]
    x = matrix.mT if tall else matrix
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) + 1e-7)
    for _ in range(5):
        square = x @ x.mT
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return (x.mT if tall else x) * 0.2 * max(matrix.shape[-2:]) ** 0.5


def optimisers(module: nn.Module, lr: float) -> list[torch.optim.Optimizer]:
    """Muon for weight matrices and kernels, AdamW for everything else; one `lr` serves both."""
    matrices = [
        p for n, p in module.named_parameters() if p.ndim >= 2 and "embedding" not in n and "conv_in" not in n
    ]
    chosen = {id(p) for p in matrices}
    others = [p for p in module.parameters() if id(p) not in chosen]
    return [Muon(matrices, lr), torch.optim.AdamW(others, lr=lr, betas=(0.9, 0.97), weight_decay=0.01)]


def set_rate(them: list[torch.optim.Optimizer], lr: float) -> None:
    """Give every group of every optimiser this learning rate."""
    for optimiser in them:
        for group in optimiser.param_groups:
            group["lr"] = lr
