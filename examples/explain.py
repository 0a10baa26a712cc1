"""What the model knows of the motion in a clip, as one page that opens from disk."""

from __future__ import annotations

from pathlib import Path

import moft


def main(clips: tuple[str, ...] = (), out: Path = Path("out/explained")) -> None:
    """Writes report.html, scores.json, figures/ and data/; without clips, of held-out ones."""
    out.parent.mkdir(parents=True, exist_ok=True)
    record = moft.explain(moft.load("miniature"), clips, out)
    print("places that move alike are found with an AUC of", record["auc"]["moft"])
    print("look at:", out / "report.html")


if __name__ == "__main__":
    main()
