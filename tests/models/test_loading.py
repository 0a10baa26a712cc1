"""On how many threads a program of moft's own computes."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch

from moft.models.loading import settle_threads


@pytest.fixture
def three_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def pipeline(side: int) -> SimpleNamespace:
    with torch.device("meta"):
        return SimpleNamespace(components={"unet": torch.nn.Linear(side, side), "scheduler": object()})


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize(("side", "threads"), [(100, 1), (9_000, 1), (11_000, 3), (50_000, 3)])
def test_a_small_model_computes_on_one_thread_and_a_large_one_on_all(side: int, threads: int) -> None:
    settle_threads(pipeline(side))
    assert torch.get_num_threads() == threads


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "MKL_NUM_THREADS"])
def test_who_said_how_many_threads_gets_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "3")
    settle_threads(pipeline(100))
    assert torch.get_num_threads() == 3
