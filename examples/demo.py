"""`make demo`: steers the miniature left, then makes it turn as a clip does, and prints what was measured."""

from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path

import moft
from moft.cli.app import CONVENTION
from moft.runs.words import summary

FOLDER = Path("out/demo")
PROMPT = "a red ball over blue cells"


def shown(folder: Path, size: moft.ClipSize) -> Path:
    """A clip that no model here was trained on: a photograph of scikit-learn's, turning about its middle."""
    if find_spec("sklearn") is None:
        raise moft.MoftError(
            "no clip to follow: expected scikit-learn's photographs; pip install scikit-learn"
        )
    from sklearn.datasets import load_sample_image

    from moft.known.filmed import filmed

    clip = folder / "shown.mp4"
    moft.write_video(clip, filmed("roll", [load_sample_image("china.jpg")], size, seed=5).video)
    return clip


def looped(clip: Path) -> Path:
    """A gif beside the clip, which plays in a loop wherever pictures are shown."""
    moft.write_video(clip.with_suffix(".gif"), moft.read_video(clip))
    return clip.with_suffix(".gif")


def main(model: str = "miniature", folder: Path = FOLDER, steps: int = 25) -> None:
    """Two steered runs, their measured motion, and where the pictures lie."""
    folder.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    loaded = moft.load(model)
    scene = moft.Scene(PROMPT, loaded.size(), steps=steps)
    print(f'"{PROMPT}", seed {scene.seed}. {CONVENTION}')
    like = moft.Like(str(shown(folder, loaded.size())))
    for name, request in {"left": moft.Motion("left"), "like": like}.items():
        record = moft.run(loaded, moft.Job(scene, (request,))).save(folder / f"{name}.mp4")
        print(f"\n{summary(record)}\nlook at:   {looped(Path(record['files']['compare']))}")
    print(f"\n{time.perf_counter() - started:.0f} s in all")


if __name__ == "__main__":
    try:
        main()
    except moft.MoftError as error:
        raise SystemExit(f"error: {error}") from None
