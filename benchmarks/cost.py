"""What does steering cost over plain sampling? Wall time and FLOPs of whole runs in one process, and `import moft`.

    python benchmarks/cost.py [-o results.json]

9 of 25 steps guided, 2 gradient steps each, guidance on. Ratios of medians; the runs take turns.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import torch
from diffusers import AnimateDiffPipeline
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import moft

GUIDED, STEPS, UPDATES = 9, 25, 2
SETTINGS = moft.Settings(steps=(0.12, 0.48), gradient_steps=UPDATES)  # 3…11 of 25, as in the release


def sample(pipe: AnimateDiffPipeline, clips: int = 1) -> None:
    pipe(["a red ball over blue stripes"] * clips, num_frames=8, height=64, width=64, num_inference_steps=STEPS,
         generator=torch.Generator().manual_seed(0), output_type="np")  # fmt: skip


def steered(pipe: AnimateDiffPipeline, clips: int = 1) -> None:
    with moft.steer(pipe, moft.Motion("left"), settings=SETTINGS) as steering:
        sample(pipe, clips)
    assert [len(step["losses"]) for step in steering.report.steps] == [UPDATES] * GUIDED


def wall(pipe: AnimateDiffPipeline, clips: int, rounds: int = 3) -> float:
    """Median steered over median plain seconds, so many clips in one run."""
    seconds: dict[Callable[..., None], list[float]] = {sample: [], steered: []}
    sample(pipe, clips)
    for _ in range(rounds):
        for run, spent in seconds.items():
            started = time.perf_counter()
            run(pipe, clips)
            spent.append(time.perf_counter() - started)
    return statistics.median(seconds[steered]) / statistics.median(seconds[sample])


def flops(pipe: AnimateDiffPipeline) -> float:
    """FLOPs of a steered run over those of a plain one, text and VAE included."""
    counted = []
    for run in (sample, steered):
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:  # fused attention is not counted
            run(pipe)
        counted.append(counter.get_total_flops())
    return counted[1] / counted[0]


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
    found = {"wall_ratio": wall(pipe, 1), "wall_ratio_4_clips": wall(pipe, 4), "flops_ratio": flops(pipe), "import_seconds": importing()}
    print(json.dumps({k: round(v, 3) for k, v in found.items()}))
    if args.output:
        with open(args.output, "w") as file:
            json.dump(found, file, indent=1)


if __name__ == "__main__":
    main()
