"""How much must a target be enlarged so that clips move as fast as asked? Found by steering and measuring.

What a model's features say of motion depends on what is seen: they answer more strongly to the rich textures
of one clip than to the soft ones of another. Channels and their response come from pans of photographs; the
clips that a model makes may answer by another factor, and then move too slowly or too fast by it.
"""

from __future__ import annotations

import math
import statistics as averages
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from moft.errors import BackboneError
from moft.feature.kept import Kept, Track, pieces
from moft.feature.statistics import Statistics
from moft.media.files import file_digest
from moft.metrics.motion import judged, measure
from moft.request.motion import Motion
from moft.request.speed import DEFAULT_SPEED, speed_of
from moft.runs.job import Scene
from moft.runs.sample import Sampled, sample
from moft.steering.entry import steer
from moft.steering.settings import Settings
from moft.types import ClipSize

if TYPE_CHECKING:
    from moft.feature.model import Model

SIDES = ("left", "right", "up", "down")
ROUNDS, CLOSE = 5, 0.05  # at most, until clips have the asked speed but for such a share
LEAST = 0.1  # of the asked speed; below, a clip was hardly steered, and a gain would enlarge noise


def calibrate(
    model: Model,
    scenes: Sequence[Scene],
    *,
    speed: str | float = DEFAULT_SPEED,
    settings: Settings | None = None,
    kept: Kept | None = None,
    track: Track = iter,
) -> Statistics:
    """The same statistics with the `gain` at which this model's clips move as fast as asked.

    Each scene is sampled steered to each of four sides, every second time at half of the speed, since slow
    motions come slower; without a gain, and then with that found until they are as fast as asked. The gain
    grows by what was asked over what was measured, along the asked direction, in the median over the runs;
    then by the power of the gain with which the speed was last seen to grow, which it does not do evenly.

    Args:
        scenes: what to sample, best four or more and unlike each other.
        speed: as for `Motion`; a speed that the model can reach. Of half of the runs it is half.
        settings: those that will be used; the gain depends on them a little.
        kept: where to keep what was measured until all is.
        track: wraps the loop over the runs that are still to be made, to show progress; once for each of
            two to `ROUNDS` rounds.
    Raises:
        BackboneError: the clips hardly move as asked (in the median by less than a tenth of the speed).
    """
    statistics, rounds = replace(model.statistics, gain=1.0), list[dict[str, Any]]()
    for _ in range(ROUNDS):
        shares = _shares(model, statistics, scenes, speed, settings, kept, track)
        share = averages.median(shares)
        if not share >= LEAST:  # NaN neither
            raise BackboneError(
                f"expected steered clips to move as asked, but their speed is {share:.2f} of it; find the "
                "motion channels of another layer"
            )
        rounds.append({"gain": statistics.gain, "share": shares})
        statistics = replace(statistics, gain=_mended(rounds))
        if len(rounds) > 1 and abs(share - 1) < CLOSE:
            break
    made = {"runs": len(rounds) * len(shares), "asked": str(speed), "rounds": rounds}
    return replace(statistics, made={**statistics.made, "gain": made})


def _mended(rounds: Sequence[dict[str, Any]]) -> float:
    """The gain by which clips would move as fast as asked: speed grows by a power of the gain, 1 until two
    rounds tell it; the last two count."""
    (*before, last), power = [(one["gain"], averages.median(one["share"])) for one in rounds], 1.0
    if before and before[-1][0] != last[0]:
        power = math.log(last[1] / before[-1][1]) / math.log(last[0] / before[-1][0])
    return float(last[0] * last[1] ** (-1 / min(max(power, 0.5), 2.0)))


def _shares(
    model: Model,
    statistics: Statistics,
    scenes: Sequence[Scene],
    speed: str | float,
    settings: Settings | None,
    kept: Kept | None,
    track: Track,
) -> list[float]:
    """How much of the asked speed the clips of each scene have to each side, by these statistics."""
    paces = (speed, _half(speed)), (_half(speed), speed)  # a side is asked each by every second scene
    runs = [
        (scene, side, paces[i % 2][j % 2]) for i, scene in enumerate(scenes) for j, side in enumerate(SIDES)
    ]

    def measured(number: int) -> dict[str, Tensor]:
        scene, side, pace = runs[number]
        motion = Motion(side, speed=pace)
        with steer(model.pipe, motion, statistics=statistics, settings=settings):
            sampled = sample(model.pipe, scene, f"calibrating, {side}")
        return {"share": torch.tensor([_share(sampled, motion)], dtype=torch.float64)}

    asked = [statistics.digest, repr(settings)]
    names = [(*asked, repr(scene), _picture(scene), side, str(pace)) for scene, side, pace in runs]
    found = pieces(names, measured, lambda _: {"share": (1,)}, kept, track)
    return [float(piece["share"]) for piece in found]


def _half(speed: str | float) -> str | float:
    amount, unit = speed_of(speed)
    return amount / 2 if unit in ("", "%") else f"{amount / 2:g}{unit}"


def _picture(scene: Scene) -> str | None:
    return None if scene.image is None else file_digest(scene.image)


def _share(run: Sampled, motion: Motion) -> float:
    """How much of the asked velocity a clip has."""
    return judged(measure(run.video), motion, ClipSize.of(run.video)).share
