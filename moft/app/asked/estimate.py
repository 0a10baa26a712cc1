"""How long a run will take, and how much memory: by what earlier ones on this machine took."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from moft.app.desk import Desk
from moft.batch.rows import Row
from moft.batch.work import Work
from moft.runs.job import Job, Scene
from moft.types import ClipSize


@dataclass(frozen=True)
class Taken:
    """What a run took, or would."""

    steps: int
    volume: float  # frames · px
    plain: float = 0.0  # seconds
    steered: float = 0.0
    memory: float | None = None  # MB, at the peak

    @property
    def work(self) -> float:
        """Steps · frames · px, to which time is near in proportion."""
        return self.steps * self.volume


def estimate(desk: Desk, job: Job) -> dict[str, Any]:
    """For a job of the page: seconds, the plain run's among them, and MB, None before a first run; and for
    how long the queue keeps it waiting."""
    size, rows = desk.size, [*desk.clips()]
    known = [taken for row in rows if (taken := _taken(row, desk.model, size)) is not None]
    wanted = _asked(job.scene, size)
    waiting = [row for row in rows if row.state in ("queued", "running")]
    told: dict[str, Any] = {
        "seconds": None,
        "plain_seconds": None,
        "memory_mb": None,
        "waiting": len(waiting),
        "waiting_seconds": 0.0 if not waiting else None,
        "basis": "not known before a first run of this model on this machine",
    }
    if not known or wanted is None:
        return told
    near = min(known[::-1], key=lambda one: abs(one.work - wanted.work))
    factor, larger = wanted.work / near.work, wanted.volume / near.volume
    each = [_asked(Work.parse(row.job).job.scene, size) for row in waiting]
    rate = (near.plain + near.steered) / near.work
    return told | {
        "seconds": (near.plain + near.steered) * factor,
        "plain_seconds": near.plain * factor,
        "memory_mb": None if near.memory is None else near.memory * max(larger, 1.0),
        "waiting_seconds": None if None in each else sum(rate * one.work for one in each if one),
        "basis": "the nearest of the earlier runs of this model here"
        + ("" if abs(factor - 1) < 0.05 else f", for {factor:.2g} times its work"),
    }


def _asked(scene: Scene, size: ClipSize | None) -> Taken | None:
    """How much a job is; None where its size is not known yet."""
    whole = scene.size or size
    return None if whole is None else Taken(scene.steps, float(whole.frames * whole.height * whole.width))


def _taken(row: Row, model: str, size: ClipSize | None) -> Taken | None:
    if row.note != "steer" or row.state != "done" or not isinstance(row.result, dict):
        return None
    work = Work.parse(row.job)
    asked, seconds = _asked(work.job.scene, size), row.result.get("seconds") or {}
    if asked is None or work.model != model or not all(seconds.values()) or not seconds:
        return None
    memory = row.result.get("peak_memory_mb")
    return replace(asked, plain=seconds["plain"], steered=seconds["steered"], memory=memory)
