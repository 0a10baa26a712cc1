"""Does the miniature train faster than before its code was changed, and learn the same? Two checkouts,
side by side in one run.

    git worktree add ../before COMMIT
    python tests/pace.py ../before . --steps 300

Both go on from the shipped weights, on the same clips under the same noise, each in a process of one thread.
Time is the processor's, so that others' work on the machine counts little.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean, median
from typing import Any

import torch

WARM_UP = 3  # steps that are not counted: the first ones allocate
CLIPS = 96  # encoded ones that all steps draw from


def encoded(trainer: Any) -> tuple[dict[str, torch.Tensor], float]:
    """Clips of eight frames as a checkout's training makes them, and the seconds that each took."""
    before = hasattr(trainer, "encoded_clips")
    if before:
        first = trainer.encoded_clips(9)
        make = lambda n, _: first(n)  # noqa: E731
    else:
        from moft.miniature.curriculum import STAGES
        from moft.miniature.encoded import encoder

        make = encoder(STAGES[-2].mixture, 8, 0, trainer.vae, trainer.ids, 0.15)
    start = time.process_time()
    blocks = [make(32, number) for number in range(CLIPS // 32)]
    taken = (time.process_time() - start) / CLIPS
    return {name: torch.cat([b[name] for b in blocks]) for name in ("latents", "shift", "ids")}, taken


def opened(folder: str) -> Any:
    """A trainer that goes on from the shipped weights, as fast as its checkout can."""
    from moft.miniature.train import Settings, Trainer

    torch.set_num_threads(1)
    trainer = Trainer(Path(folder), Settings())
    trainer.resume()
    if hasattr(trainer, "machine"):
        from moft.miniature.machine import Machine

        trainer.machine = Machine.tried()
        if hasattr(trainer.machine, "prepare"):
            trainer.machine.prepare(trainer.parts["denoiser"])
    return trainer


def worker(file: Path, steps: int, batch: int) -> dict[str, Any]:
    """Train with whatever `moft` is imported, on the clips in a file; the first one there writes it."""
    losses, seconds = [], []
    with tempfile.TemporaryDirectory() as folder:
        trainer = opened(folder)
        rows, made_in = encoded(trainer)
        if file.exists():
            rows = torch.load(file, weights_only=True)
        else:
            torch.save(rows, file)
        for step in range(steps):
            torch.manual_seed(step)
            start = time.process_time()
            at = torch.randint(CLIPS, (batch,))
            trainer.parts.zero_grad()
            found = trainer.loss({name: values[at] for name, values in rows.items()}, 0.8)
            (found[0] + 0.5 * found[1]).backward()
            torch.nn.utils.clip_grad_norm_(trainer.parts.parameters(), 1.0)
            for optimiser in trainer.optimisers:
                for group in optimiser.param_groups:
                    group["lr"] = 2e-3 * min(1, (step + 1) / 100)
                optimiser.step()
            trainer.average.update_parameters(trainer.parts)
            seconds.append(time.process_time() - start)
            losses.append([float(value) for value in found[:2].detach()])
    pace = batch / (median(seconds[WARM_UP:]) + batch * made_in / 6)  # each clip is drawn six times
    return {"clips a second": pace, "step": median(seconds[WARM_UP:]), "made in": made_in, "losses": losses}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("trees", nargs="*", type=Path, help="two checkouts: before and after")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        print(json.dumps(worker(args.worker, args.steps, args.batch)))
        return
    if len(args.trees) != 2:
        parser.error("expected two checkouts")
    running = []
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--worker", f"{folder}/clips.pt"]
        command += ["--steps", str(args.steps), "--batch", str(args.batch)]
        for tree in args.trees:
            setting = {"PYTHONPATH": str(tree.resolve()), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
            running.append(
                subprocess.Popen(command, env={**os.environ, **setting}, stdout=subprocess.PIPE, text=True)
            )
            while tree is args.trees[0] and not Path(folder, "clips.pt").exists():
                time.sleep(1)  # the second one takes the clips of the first
        found = [json.loads(process.communicate()[0].splitlines()[-1]) for process in running]
    curves = [result.pop("losses") for result in found]
    for tree, result, curve in zip(args.trees, found, curves, strict=True):
        tenth = max(1, len(curve) // 10)
        parts = [curve[i : i + tenth] for i in range(0, len(curve), tenth)]
        means = [[round(mean(pair), 4) for pair in zip(*part, strict=True)] for part in parts]
        print(tree, json.dumps({name: round(value, 4) for name, value in result.items()}))
        print("   losses of v and of shift, by tenths of the steps:", means)
    ratio = found[1]["clips a second"] / found[0]["clips a second"]
    print(f"{ratio:.2f} times as many clips a second and core")


if __name__ == "__main__":
    main()
