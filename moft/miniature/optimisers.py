"""Muon for matrices and kernels, AdamW for the rest."""

from __future__ import annotations

import torch


class Muon(torch.optim.Optimizer):
    """Momentum whose step is made orthogonal by Newton–Schulz iterations (Jordan et al., 2024).

    `torch.optim.Muon` iterates in bfloat16, which costs more than the whole training step on a CPU without
    bfloat16 units, and takes no convolutions; here their kernels are flattened. A step has the rms of one of
    AdamW's.
    """

    def __init__(self, parameters: list[torch.nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                average = self.state[p].setdefault("average", torch.zeros_like(p))
                average.lerp_(p.grad, 1 - group["momentum"])
                update = orthogonal(p.grad.lerp(average, group["momentum"]).flatten(1))
                p.mul_(1 - 0.01 * group["lr"]).sub_(update.view_as(p), alpha=group["lr"])


def orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    """The nearest orthogonal matrix, roughly, scaled to an rms of 0.2 as AdamW's steps have."""
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return (x.T if tall else x) * 0.2 * max(matrix.shape) ** 0.5


def optimisers(module: torch.nn.Module, lr: float) -> list[torch.optim.Optimizer]:
    """Muon for weight matrices and kernels, AdamW for everything else; one `lr` serves both."""
    matrices = [
        p for n, p in module.named_parameters() if p.ndim >= 2 and "embedding" not in n and "conv_in" not in n
    ]
    chosen = {id(p) for p in matrices}
    others = [p for p in module.parameters() if id(p) not in chosen]
    return [Muon(matrices, lr), torch.optim.AdamW(others, lr=lr, betas=(0.9, 0.97), weight_decay=0.01)]


def set_rate(optimisers: list[torch.optim.Optimizer], lr: float) -> None:
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = lr
