"""A clip whose picture goes left, beside the plain one from the same seed; both measured."""

from __future__ import annotations

from pathlib import Path

import moft


def main(steps: int = 25, out: Path = Path("out")) -> None:
    """Writes left.mp4, left.plain.mp4, left.compare.mp4 and the record left.json."""
    out.mkdir(parents=True, exist_ok=True)
    model = moft.load("miniature")  # or a diffusers folder, or a hub id
    scene = moft.Scene("a red ball over blue cells", seed=0, steps=steps)
    run = moft.run(model, moft.Job(scene, [moft.Motion("left", speed="2px")]))
    print("followed:", run.followed)  # judged by optical flow in the steered clip
    run.save(out / "left.mp4")


if __name__ == "__main__":
    main()
