"""Two halves of the picture go apart: a request for a box, and one for the rest."""

from __future__ import annotations

from pathlib import Path

import moft


def main(steps: int = 25, out: Path = Path("out")) -> None:
    """Writes apart.mp4; tries once more if a half does not go as asked."""
    out.mkdir(parents=True, exist_ok=True)
    requests = [
        moft.Motion("left", speed="2px", region="box:0,0,50%,100%"),
        moft.Motion("right", speed="2px", region="rest"),
    ]
    job = moft.Job(moft.Scene("red cells", steps=steps), requests, retries=1)
    run = moft.run(moft.load("miniature"), job)
    print("followed:", run.followed, "in", len(run.attempts), "attempts")
    run.save(out / "apart.mp4")


if __name__ == "__main__":
    main()
