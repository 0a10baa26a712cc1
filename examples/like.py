"""A clip that moves as another one does."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import moft


def main(steps: int = 25, out: Path = Path("out")) -> None:
    """Writes shown.mp4, a texture that goes right by 2 px a frame, and like.mp4, which follows it."""
    out.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
    texture = coarse.repeat(4, axis=0).repeat(4, axis=1)
    shown = np.stack([np.roll(texture, 2 * i, axis=1) for i in range(8)])  # any clip of yours will do
    moft.write_video(out / "shown.mp4", shown)
    scene = moft.Scene("a red ball over blue cells", steps=steps)
    run = moft.run(moft.load("miniature"), moft.Job(scene, [moft.Like(str(out / "shown.mp4"))]))
    print("shown:", moft.measure(shown).inside, "made:", moft.measure(run.steered).inside, "px a frame")
    run.save(out / "like.mp4")


if __name__ == "__main__":
    main()
