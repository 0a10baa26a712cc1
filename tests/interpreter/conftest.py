"""One report that several tests look at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from drawn import noise_clip, noise_picture

from moft.feature.model import Model
from moft.feature.statistics import Statistics
from moft.interpreter import viewpoint
from moft.interpreter.explaining import explain
from moft.interpreter.viewpoint import ExplainSettings, layers_of
from moft.known.photographs import held_out_photographs, training_photographs

QUICK = ExplainSettings(objects=6, fitting=8, places=1, timesteps=(100, 600))


@dataclass(frozen=True)
class Explained:
    """A report of two clips, and of what it was made: by a model of 32 x 32 px, and one of 64 x 64 beside."""

    model: Model
    clips: list[str]
    settings: ExplainSettings
    out: Path
    record: dict[str, Any]
    beside: Model  # of 64 x 64 px


@contextmanager
def _small(home: Path) -> Iterator[None]:
    """Sweeps of models without a folder are kept at home; two small photographs of a kind and a few layers
    are enough here."""
    training = {name: photo[::3, ::3] for name, photo in list(training_photographs().items())[:2]}
    held_out = [photo[::3, ::3] for photo in held_out_photographs()]

    def few(denoiser: Any, *more: str) -> tuple[str, ...]:
        every = layers_of(denoiser, *more)
        return tuple(name for name in every if name in ("mid_block", *more))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("moft.known.photographs.training_photographs", lambda: training)
        patch.setattr("moft.known.photographs.held_out_photographs", lambda: held_out)
        patch.setattr(viewpoint, "layers_of", few)
        patch.setenv("MOFT_HOME", str(home))
        yield


@pytest.fixture(scope="session")
def home(tmp_path_factory: Any) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def small(home: Path) -> Iterator[None]:
    with _small(home):
        yield


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: Any) -> Path:
    """A clip whose name would be a script if it were not escaped."""
    return noise_clip(tmp_path_factory.mktemp("clips") / "<img src=x onerror=alert(1)>.mp4", 10)


@pytest.fixture(scope="session")
def explained(
    tiny_animatediff: Any, tiny_statistics: Statistics, hostile: Path, home: Path, tmp_path_factory: Any
) -> Explained:
    out = tmp_path_factory.mktemp("report") / "out"
    clips = [str(hostile), str(noise_picture(out.parent / "a.png"))]
    small = replace(tiny_statistics, made={"frames": 8, "size": (32, 32)})
    model = Model(tiny_animatediff, "tiny", given=small)
    with _small(home):
        other = Model(tiny_animatediff, "models/other", given=tiny_statistics)
        record = explain(model, clips, out, beside=[other], settings=replace(QUICK, sweep=True))
    return Explained(model, clips, QUICK, out, record, other)
