"""A clip that moves as another one does."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import moft


def main(steps: int = 25, out: Path = Path("out")) -> None:
    """Writes shown.mp4, a texture that goes right, and like.mp4, which follows it."""
    out.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
    texture = coarse.repeat(4, axis=0).repeat(4, axis=1)
    shown = np.stack([np.roll(texture, 2 * i, axis=1) for i in range(8)])  # 2 px a frame
    moft.write_video(out / "shown.mp4", shown)
    scene = moft.Scene("a red ball over blue cells", steps=steps)
    job = moft.Job(scene, [moft.Like(str(out / "shown.mp4"))])  # any clip of yours will do
    run = moft.run(moft.load("miniature"), job)
    print("shown, px a frame:", moft.measure(shown).inside)
    print("made, px a frame:", moft.measure(run.steered).inside)
    run.save(out / "like.mp4")


if __name__ == "__main__":
    main()
