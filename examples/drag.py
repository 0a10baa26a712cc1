"""What lies at a point is taken to another one, while a second point stays."""

from __future__ import annotations

from pathlib import Path

import moft


def main(steps: int = 25, out: Path = Path("out")) -> None:
    """Writes dragged.mp4 and what belongs to it."""
    out.mkdir(parents=True, exist_ok=True)
    # px of the first frame: one point from here to there, and one that must not move
    points = ([(24, 32), (38, 32)], [(52, 10)])
    job = moft.Job(moft.Scene("green cells", steps=steps), [moft.Drag(points)])
    run = moft.run(moft.load("miniature"), job)
    print("arrived:", run.followed)
    run.save(out / "dragged.mp4")


if __name__ == "__main__":
    main()
