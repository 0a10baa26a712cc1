"""Threads that share weights, each with a pipeline of its own, run as each does alone."""

from __future__ import annotations

import gc
import os
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from doubles import KNOWN, LEFT, UNetMotionModel, ddim, double, everything_about
from torch import Tensor

import moft
from moft.models.tap import Tap

WAYS: dict[str, Any] = {
    "plain": None,
    "steered": moft.Settings(),
    "in passing": moft.Settings(fused=True),
    "saving memory": moft.Settings(save_memory=True),
    "adam": moft.Settings(rule="adam", steps=(0, 1)),
}
RUNS = 6


def run(pipe: Any, settings: Any, seed: int) -> Tensor:
    if settings is None:
        return pipe(seed=seed)
    with moft.steer(pipe, LEFT, statistics=KNOWN, settings=settings):
        return pipe(seed=seed)


def together(*jobs: Callable[[], object]) -> None:
    """All at once; raises what any of them did."""
    failed: list[BaseException] = []
    ready = threading.Barrier(len(jobs))

    def work(job: Callable[[], object]) -> None:
        try:
            ready.wait()
            job()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


@pytest.mark.parametrize("other", WAYS)
def test_four_threads_with_a_pipeline_each_and_shared_weights_are_each_as_alone(other: str):
    net = UNetMotionModel(0.5)
    for p in list(net.parameters())[:3]:
        p.requires_grad_(False)
    asked = [p.requires_grad for p in net.parameters()]
    ways = ["steered", other, "plain", "in passing"]
    wanted = [[run(double(unet=net), WAYS[way], seed) for seed in range(RUNS)] for way in ways]
    found: list[list[Tensor]] = [[] for _ in ways]
    pipes = [double(unet=net, scheduler=ddim()) for _ in ways]

    def job(number: int) -> None:
        for seed in range(RUNS):
            found[number].append(run(pipes[number], WAYS[ways[number]], seed))

    together(*(lambda number=number: job(number) for number in range(len(ways))))
    for way, ours, theirs in zip(ways, found, wanted, strict=True):
        assert all(map(torch.equal, ours, theirs)), way
    assert [p.requires_grad for p in net.parameters()] == asked
    clean = everything_about(double())
    assert [everything_about(pipe) | {"asking": clean["asking"]} for pipe in pipes] == [clean] * 4


def test_reading_in_one_thread_ends_no_run_of_another():
    net = UNetMotionModel(0.5)
    wanted, found = double(unet=net)(), list[Tensor]()
    latents = torch.zeros(1, 4, 4, 8, 8)

    def read() -> None:
        class Reading(Tap):
            pass

        pipe = double(unet=net)
        tap, calls = Reading(pipe), list[Any]()
        with tap.listen(calls):
            pipe()
        call = tap.conditional(calls, 1)
        for _ in range(200):
            tap.features_of(latents, 500.0, call)

    def sample() -> None:
        found.extend(double(unet=net)() for _ in range(20))

    together(read, sample, sample)
    assert len(found) == 40 and all(torch.equal(clip, wanted) for clip in found)


def test_blocks_entered_in_one_thread_count_for_pipelines_called_in_others():
    net = UNetMotionModel(0.5)
    wanted = run(double(unet=net), WAYS["steered"], 0)
    pipes, found = [double(unet=net) for _ in range(2)], list[Tensor]()
    blocks = [moft.steer(pipe, LEFT, statistics=KNOWN) for pipe in pipes]
    with blocks[0] as one, blocks[1] as two:
        together(*(lambda pipe=pipe: found.append(pipe()) for pipe in pipes))
    assert torch.equal(found[0], wanted) and torch.equal(found[1], wanted)
    assert len(one.report.steps) == len(two.report.steps) == 5


def test_blocks_of_two_threads_that_end_in_the_order_they_began_leave_nothing():
    net = UNetMotionModel(0.5)
    first, second = double(unet=net), double(unet=net)
    clean, began, ended = everything_about(first), threading.Event(), threading.Event()

    def early() -> None:
        with moft.steer(first, LEFT, statistics=KNOWN, settings=WAYS["in passing"]):
            first()
            assert began.wait(20)
        ended.set()

    def late() -> None:
        with moft.steer(second, LEFT, statistics=KNOWN, settings=WAYS["in passing"]):
            began.set()
            assert ended.wait(20)
            second()

    together(early, late)
    assert everything_about(first) == everything_about(second) == clean
    assert torch.equal(first(), second()) and torch.equal(first(), double(unet=net)())


def test_a_thread_that_steers_the_same_pipeline_is_refused_and_the_first_is_as_alone():
    pipe, found = double(), list[Tensor]()
    wanted = run(double(), WAYS["steered"], 0)
    inside, tried = threading.Event(), threading.Event()

    def first() -> None:
        with moft.steer(pipe, LEFT, statistics=KNOWN):
            inside.set()
            assert tried.wait(20)
            found.append(pipe())

    def second() -> None:
        assert inside.wait(20)
        try:
            with pytest.raises(moft.BackboneError, match="being steered already"):
                run(pipe, WAYS["steered"], 0)
        finally:
            tried.set()

    together(first, second)
    assert torch.equal(found[0], wanted)


def memory() -> int:
    """Resident bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="counts by /proc")
def test_thirty_runs_leave_no_memory_no_files_and_no_hooks():
    pipe = double()
    with moft.record(pipe) as plain:
        pipe(side=64)

    ways = [*filter(None, WAYS.values()), moft.Settings(carry=0.5)]

    def runs(count: int) -> None:
        for number in range(count):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                options = {"settings": ways[number % len(ways)], "plain": plain}
                with moft.steer(pipe, LEFT, statistics=KNOWN, **options):
                    pipe(side=64)

    def tensors() -> int:
        gc.collect()
        return sum(isinstance(thing, Tensor) for thing in gc.get_objects())

    runs(10)
    clean, files, held, size = everything_about(pipe), len(os.listdir("/proc/self/fd")), tensors(), memory()
    runs(30)
    assert everything_about(pipe) == clean and len(os.listdir("/proc/self/fd")) == files
    assert tensors() == held
    assert memory() - size < 30 * 4 * 4 * 64 * 64 * 4  # a latent video kept by each
