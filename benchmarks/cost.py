"""What does steering cost over plain sampling? Wall time, FLOPs and memory of whole runs in one process, and `import moft`.

    python benchmarks/cost.py [-o results.json]

9 of 25 steps guided, 2 gradient steps each, guidance on. Ratios of medians; the runs take turns. Memory: most bytes of the
denoiser's weights and of tensors alive at once, four clips, VAE left out. All as ratios to the plain run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from diffusers import AnimateDiffPipeline
from families import Peak
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import moft

GUIDED, STEPS, UPDATES = 9, 25, 2
SETTINGS = moft.Settings(steps=(0.12, 0.48), gradient_steps=UPDATES)  # 3…11 of 25, as in the release


def sample(pipe: AnimateDiffPipeline, clips: int = 1, output: str = "np") -> None:
    pipe(["a red ball over blue stripes"] * clips, num_frames=8, height=64, width=64, num_inference_steps=STEPS,
         generator=torch.Generator().manual_seed(0), output_type=output)  # fmt: skip


def steered(pipe: AnimateDiffPipeline, clips: int = 1, output: str = "np", settings: moft.Settings = SETTINGS) -> None:
    with moft.steer(pipe, moft.Motion("left"), settings=settings) as steering:
        sample(pipe, clips, output)
    updates = 1 if settings.fused else UPDATES
    assert [len(step["losses"]) for step in steering.report.steps] == [updates] * GUIDED


def ways(pipe: AnimateDiffPipeline, clips: int = 1, output: str = "np") -> dict[str, Callable[[], None]]:
    """What is compared: a plain run, and steered ones."""
    saving = {"save_memory": True}
    changes = {"steered": {}, "steered_saving": saving, "fused": {"fused": True}, "fused_saving": {"fused": True, **saving}}
    runs = {name: partial(steered, pipe, clips, output, replace(SETTINGS, **change)) for name, change in changes.items()}
    return {"plain": partial(sample, pipe, clips, output), **runs}


def wall(pipe: AnimateDiffPipeline, clips: int, rounds: int = 3) -> dict[str, float]:
    """Median seconds, so many clips in one run."""
    seconds: dict[str, list[float]] = defaultdict(list)
    sample(pipe, clips)
    for _ in range(rounds):
        for name, run in ways(pipe, clips).items():
            started = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(spent) for name, spent in seconds.items()}


def flops(pipe: AnimateDiffPipeline) -> dict[str, float]:
    """FLOPs of runs, text and VAE included."""
    return {name: flops_of(run) for name, run in ways(pipe).items()}


def flops_of(run: Callable[[], object]) -> float:
    """FLOPs of one run."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:  # fused attention is not counted
        run()
    return float(counter.get_total_flops())


def memory(pipe: AnimateDiffPipeline) -> dict[str, float]:
    """Most bytes of weights and tensors that were alive at once."""
    most = {}
    for name, run in ways(pipe, 4, "latent").items():
        with Peak() as peak:
            run()
        most[name] = float(peak.most + sum(p.nbytes for p in pipe.unet.parameters()))
    return most


def importing() -> float:
    """Median seconds of `import moft` behind `import torch`, fresh processes."""
    code = "import torch, time; t = time.perf_counter(); import moft; print(time.perf_counter() - t)"
    return statistics.median(float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(5))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=moft.miniature_path())
    parser.add_argument("-o", "--output")
    args = parser.parse_args()
    pipe = AnimateDiffPipeline.from_pretrained(args.model, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    measured = {"seconds": wall(pipe, 1), "seconds_4_clips": wall(pipe, 4), "flops": flops(pipe), "memory": memory(pipe)}
    found: dict[str, Any] = {
        what: {name: round(value / values["plain"], 3) for name, value in values.items() if name != "plain"}
        for what, values in measured.items()
    }
    found["import_seconds"] = round(importing(), 4)
    print(json.dumps(found, indent=1))
    if args.output:
        with open(args.output, "w") as file:
            json.dump(found, file, indent=1)


if __name__ == "__main__":
    main()
