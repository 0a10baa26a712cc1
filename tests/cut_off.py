"""A training so small that a test can wait for it, and a way to have it killed in the middle of a save.

python tests/cut_off.py FOLDER trains until its third save, and there kills itself as `kill -9` would.
"""

from __future__ import annotations

import dataclasses
import math
import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch

from moft.known.world.scenes import Mixture
from moft.miniature import model
from moft.miniature.curriculum import Stage
from moft.miniature.machine import Machine
from moft.miniature.train import Settings, Trainer

PLAIN = Mixture(textures=4, photos=0)
STAGES = (
    Stage(0, PLAIN, stills=1, shift=0),
    Stage(4, PLAIN, stills=0.3, shift=0.5, lengths=(4, 2)),
    Stage(8, dataclasses.replace(PLAIN, still=0.5), stills=0.3, shift=0, lengths=(4, 2), boiling=0.5),
)
UNTIL = 12  # clips, two a step


def small_trainer(folder: Path, save_every: float = math.inf) -> Trainer:
    """A trainer of a tiny denoiser that saves every so many minutes, and at the end; nothing is measured."""
    build = dataclasses.replace(model.ANIMATEDIFF, denoiser=lambda: model.denoiser((16, 16, 16)))
    settings = Settings(batch=2, pool=64, begin=32, reuse=2, save_every=save_every, stages=STAGES)
    trainer = Trainer(folder, settings, seed=1, build=build)
    trainer.machine = Machine("cpu", float32=1, bfloat16=0, fused=0, plain=1)
    return trainer


def main(folder: Path) -> None:
    trainer, save, saves = small_trainer(folder, save_every=0), torch.save, []

    def dies(state: dict[str, Any], path: Path) -> None:
        saves.append(path)
        if len(saves) < 3:
            save(state, path)
            return
        path.write_bytes(b"half of a")
        os.kill(os.getpid(), signal.SIGKILL)

    torch.save = dies
    trainer.run(UNTIL)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
