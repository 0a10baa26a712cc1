"""What does steering cost over plain sampling? Wall time in one process, FLOPs on the meta device, `import moft`.

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

import torch
from diffusers import AnimateDiffPipeline
from torch.utils.flop_counter import FlopCounterMode

import moft
from moft.hooks import run_until
from moft.reference import find_statistics

GUIDED, STEPS, UPDATES = 9, 25, 2


def wall(pipe: AnimateDiffPipeline, rounds: int = 3) -> float:
    """Median steered over median plain seconds."""

    def run() -> float:
        started = time.perf_counter()
        pipe("a red ball over blue stripes", num_frames=8, height=64, width=64, num_inference_steps=STEPS,
             generator=torch.Generator().manual_seed(0), output_type="np")  # fmt: skip
        return time.perf_counter() - started

    run()
    plain, steered = [], []
    for _ in range(rounds):
        plain.append(run())
        with moft.steer(pipe, moft.Motion("left")) as steering:
            steered.append(run())
        assert len(steering.report.steps) == GUIDED
    return statistics.median(steered) / statistics.median(plain)


def flops(pipe: AnimateDiffPipeline, batch: int = 1) -> float:
    """FLOPs of a steered run over a plain one: (guidance batch · steps + updates · gradient) / (batch · steps)."""
    from diffusers import UNetMotionModel

    layer = find_statistics(pipe).layer
    with torch.device("meta"):
        unet = UNetMotionModel.from_config(pipe.unet.config)
    unet = unet.to("meta").requires_grad_(False)
    size = unet.config.sample_size
    text = torch.empty(8 * batch, 24, unet.config.cross_attention_dim, device="meta")
    latents = torch.empty(batch, unet.config.in_channels, 8, size, size, device="meta")
    with FlopCounterMode(display=False) as full:
        unet(latents, 500, text)
    with FlopCounterMode(display=False) as gradient:
        x = latents.clone().requires_grad_(True)
        run_until(unet, layer, lambda: unet(x, 500, text)).sum().backward()
    plain = 2 * STEPS * full.get_total_flops()
    return 1 + GUIDED * UPDATES * gradient.get_total_flops() / plain


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
    found = {"wall_ratio": wall(pipe), "flops_ratio": flops(pipe), "import_seconds": importing()}
    print(json.dumps({k: round(v, 3) for k, v in found.items()}))
    if args.output:
        with open(args.output, "w") as file:
            json.dump(found, file, indent=1)


if __name__ == "__main__":
    main()
