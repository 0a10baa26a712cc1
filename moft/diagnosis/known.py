"""What is known of a model's motion, and what is missing before it is steered."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from moft.errors import BackboneError, RequestError
from moft.feature.statistics import Statistics, find_statistics, statistics_path
from moft.interpreter.readout import READOUT_FILE
from moft.interpreter.viewpoint import SWEEP_FILE
from moft.models.pipeline import serves
from moft.optional import EXTRAS

_WANTED = {  # by commands, beside the packages that a model is loaded with
    "cv2": "moft steer and calibrate measure with it",
    "skimage": "moft channels pans its photographs, unless --photos names others",
    "matplotlib": "moft explain draws with it",
    "jinja2": "moft explain writes its page with it",
    "sklearn": "moft explain fits with it",
}


@dataclass(frozen=True)
class Known:
    """What lies beside a model, and what does not."""

    channels: str  # where motion channels are looked for
    statistics: Statistics | None  # what is there
    calibrated: bool
    readout: bool  # a fitted read-out, of `moft explain`
    sweep: bool  # scores of layers and timesteps, of `moft explain --sweep`
    missing: tuple[str, ...]  # in sentences, each with what mends it

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        found = self.statistics
        channels = None if found is None else {"layer": found.layer, "timestep": found.timestep}
        told = {"channels_file": self.channels, "channels": channels, "calibrated": self.calibrated}
        gain = None if found is None else found.gain
        return {**told, "gain": gain, "readout": self.readout, "sweep": self.sweep}


def known_of(pipe: Any, name: str) -> Known:
    """What is known of a pipeline of `moft.diagnosis.assembled`, by its name."""
    path, found, missing = statistics_path(pipe), None, list[str]()
    try:
        found = find_statistics(pipe) if path.exists() else None
    except RequestError as error:
        missing.append(f"the motion channels there cannot be used: {error}")
    calibrated = found is not None and "gain" in found.made
    if found is None:
        missing.append(f"motion channels, looked for in {path}: moft channels --model {name}")
    if not calibrated:
        missing.append(f"a gain, so that 12px means 12px: moft calibrate --model {name}")
    missing += [*_obstacles(pipe), *_packages(pipe)]
    readout, sweep = ((path.parent / file).exists() for file in (READOUT_FILE, SWEEP_FILE))
    return Known(str(path), found, calibrated, readout, sweep, tuple(missing))


def _obstacles(pipe: Any) -> list[str]:
    """Settings under which it cannot be steered, or not in every way."""
    from diffusers import DDIMScheduler

    try:
        serves(pipe)
    except BackboneError as error:
        return [f"it cannot be steered as it is: {error}"]
    if isinstance(pipe.scheduler, DDIMScheduler):
        return []
    name = type(pipe.scheduler).__name__
    return [f"a DDIMScheduler (it has {name}): only for --video, real clips, which are inverted by it"]


def _packages(pipe: Any) -> list[str]:
    missing = [
        f"{package}: {why}; pip install 'moft[{EXTRAS[package]}]'"
        for package, why in _WANTED.items()
        if find_spec(package) is None
    ]
    module = inspect.getmodule(type(pipe).__mro__[1])  # diffusers' own, behind what `assembled` makes of it
    if hasattr(module, "is_ftfy_available") and find_spec("ftfy") is None:
        missing.append("ftfy: the pipeline cleans its prompts with it; pip install ftfy")
    return missing
