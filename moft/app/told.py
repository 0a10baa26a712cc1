"""Runs as the page is told them, from rows of the store and the records beside the clips."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from moft.app.desk import DRAWING, Desk, made_at
from moft.app.folder import read_json
from moft.app.refusals import in_two
from moft.app.shelf import FILES
from moft.batch.rows import Row
from moft.batch.store import PASSING
from moft.batch.worker import RECORD
from moft.errors import MoftError
from moft.media.mask import read_regions
from moft.request.drag import Drag
from moft.request.motion import Motion
from moft.runs.recipe import Recipe
from moft.runs.words import advice, in_words, summary
from moft.types import ClipSize

if TYPE_CHECKING:
    from moft.types import Mask

STATES = {"queued": "waiting", "poisoned": "failed"}  # others are called as in the store


def run_told(desk: Desk, row: Row) -> dict[str, Any]:
    """A run, as in lists and events."""
    job = desk.job_in_page(row)
    state = STATES.get(row.state, row.state)
    failed = state == "failed" and row.error is not None
    return {
        "key": row.key,
        "kind": row.note,
        "state": state,
        "made": made_at(row.key),
        "began": row.began,
        "ended": row.ended,
        "title": _title(row, job),
        "job": job,
        **_far(desk, row, state == "running"),
        "error": in_two(row.error or "") if failed else None,
        "followed": row.result.get("followed") if isinstance(row.result, dict) else None,
        "attempts": row.attempts,
    }


def _title(row: Row, job: dict[str, Any] | None) -> str:
    if job is None:
        return {"look": "reading a clip", "plane": "reading directions"}.get(row.note, row.note)
    return str(job.get("prompt") or job.get("image") or job.get("video") or "a clip")


def _far(desk: Desk, row: Row, running: bool) -> dict[str, Any]:
    """How far a run is and what it shows of itself, by what its worker noted last."""
    events = desk.folder.jobs.events(0, row.key) if running else []
    noted = [event for event in events if event.kind == PASSING]
    if not noted:
        return {"progress": None, "live": 0}
    return {"progress": step_told(row, noted[-1].data, noted[-1].at), "live": noted[-1].data["live"]}


def step_told(row: Row, data: dict[str, Any], at: float) -> dict[str, Any]:
    """One note of a worker: which part, how far in it, how far in all, and how long it may still take."""
    drag = any("points" in request for request in json.loads(row.job)["requests"])
    second = data["part"] == ("plain" if drag else "steered")
    here = data["index"] / data["count"]
    done = here if row.note == "plain" else (here + second) / 2
    left = (at - row.began) * (1 - done) / done if row.began and done else None
    return {
        "part": data["part"],
        "index": data["index"],
        "count": data["count"],
        "done": done,
        "left_seconds": left,
    }


# ---------------------------------------------------------------- one run, with all that came of it


def whole_told(desk: Desk, row: Row) -> dict[str, Any]:
    """A run with its recipe, outcome, scores and files."""
    folder = desk.folder.runs / row.key
    record, found, files = read_json(folder / RECORD), run_told(desk, row), files_of(desk, row)
    found |= {
        "drawing": read_json(folder / DRAWING),
        "media": {kind: f"{row.key}.{kind}" for kind in files.keys() & FILES.keys()},
        "files": files,
        "recipe": None,
        "words": [],
        "outcome": [],
        "notes": [],
        "tries": [],
    }
    if not isinstance(record, dict):
        return found | {"scores": {}, "size": None, "fps": None}
    if row.note == "plain":
        seconds, memory = record.get("seconds", {}).get("plain"), record.get("peak_memory_mb")
        return found | {"scores": {"seconds": seconds, "peak_memory_mb": memory}, "size": None, "fps": None}
    try:
        return found | _of_record(desk, record)
    except (MoftError, KeyError, TypeError, ValueError) as error:  # changed by hand
        return found | {"notes": [f"the record of this run cannot be read: {type(error).__name__}"]}


def files_of(desk: Desk, row: Row) -> dict[str, str]:
    """What a run made, by what it is: clips, and of a steered one the record with its recipe."""
    named = {**FILES, "recipe": RECORD} if row.note == "steer" else FILES
    return {kind: name for kind, name in named.items() if (desk.folder.runs / row.key / name).is_file()}


def _of_record(desk: Desk, record: dict[str, Any]) -> dict[str, Any]:
    recipe = Recipe.from_json(record)
    size = recipe.scene.size
    assert size is not None  # a recipe has one
    rows = [line.partition(":") for line in summary(record).splitlines()]
    best = record["dragged" if "points" in record else "steered"]
    return {
        "recipe": recipe.to_json(),
        "words": [[name, text.strip()] for name, _, text in rows if name != "files"],
        "outcome": _points(record) if "points" in record else _requests(desk, record, recipe, size),
        "scores": {
            "seconds": best["seconds"],
            "plain_seconds": record["plain"]["seconds"],
            "guidance_seconds": record["guidance_seconds"],
            "peak_memory_mb": best["peak_memory_mb"],
        },
        "notes": record["notes"],
        "tries": [_tried(one) for one in record["tries"]] if len(record["tries"]) > 1 else [],
        "size": asdict(size),
        "fps": record["fps"],
    }


def _tried(one: dict[str, Any]) -> str:
    if "arrived" in one:
        return f"seed {one['seed']}: {one['arrived']} of {len(one['points'])} arrived"
    verdict = {True: "followed", False: "missed", None: "not told"}[one["followed"]]
    return f"{one['change'] or 'as asked'}: {verdict}"


def _requests(desk: Desk, record: dict[str, Any], recipe: Recipe, size: ClipSize) -> list[dict[str, Any]]:
    middles = _middles(desk, recipe, size)
    missed = advice(record) if record["followed"] is False else None
    return [
        {
            "asked": part["asked"],
            "followed": part["steered"]["followed"],
            "share": part["steered"]["share"],
            "angle": part["steered"]["angle"],
            "words": in_words(part),
            "try": missed if part["steered"]["followed"] is False else None,
            "arrow": {
                "at": middle,
                "asked": _velocity(part["goal"], size),
                "plain": part["plain"]["motion"]["inside"],
                "steered": part["steered"]["motion"]["inside"],
            },
        }
        for part, middle in zip(record["outcome"], middles, strict=True)
    ]


def _velocity(goal: dict[str, Any] | None, size: ClipSize) -> list[float] | None:
    return None if goal is None else list(Motion.from_json(goal).velocity(size))


def _middles(desk: Desk, recipe: Recipe, size: ClipSize) -> list[list[float]]:
    """The middle of where each request counts, (x, y) px; of the picture where its region is gone."""
    where = {name: str(desk.folder.root / name) for name in recipe.job.files}
    wanted = [one for one in recipe.job.renamed(where).requests if not isinstance(one, Drag)]
    middle = [(size.width - 1) / 2, (size.height - 1) / 2]
    masks: list[Mask | None] = [None] * len(wanted)
    with suppress(MoftError):
        masks = read_regions([one.region for one in wanted], size, lambda line: None)
    return [middle if mask is None else _middle(mask) for mask in masks]


def _middle(mask: Mask) -> list[float]:
    y, x = np.nonzero((mask if mask.ndim == 2 else mask[0]) > 0.5)
    return [float(x.mean()), float(y.mean())] if len(x) else [0.0, 0.0]


def _points(record: dict[str, Any]) -> list[dict[str, Any]]:
    missed = None if record["arrived"] else advice(record)
    return [
        {
            "path": one["wanted"],
            "plain": one["plain"]["track"],
            "steered": one["dragged"]["track"],
            "followed": one["arrived"],
            "words": f"off by {one['dragged']['distance_px']:.1f} px on average, plain by "
            f"{one['plain']['distance_px']:.1f} px",
            "at": one["wanted"][0],
            "try": None if one["arrived"] else missed,
        }
        for one in record["points"]
    ]


def runs_told(desk: Desk, limit: int, before: str | None) -> dict[str, Any]:
    """The newest runs, those before one, and what waits."""
    events = desk.folder.jobs.last_event()  # first: what happens meanwhile is then told twice, not never
    rows = [*desk.clips()]
    older = [row for row in rows if before is None or row.key < before]
    return {
        "runs": [run_told(desk, row) for row in older[::-1][:limit]],
        "more": len(older) > limit,
        "waiting": sum(row.state == "queued" for row in rows),
        "event": events,
    }
