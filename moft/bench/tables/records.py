"""The tables of `moft bench`, each as one record; all of them, small, for a first look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from moft.bench.ahead import TABLE, table1
from moft.bench.costs import cost as costs
from moft.bench.costs.real import real_costs
from moft.bench.results import Record, record, save, summary
from moft.bench.runs import Runs, table
from moft.bench.task import PROMPTS, SEED, SPEED, Task, first_part, held_out
from moft.bench.ways import beside, layers
from moft.bench.ways import drag as drags
from moft.bench.ways import features as feature_ways
from moft.feature.statistics import find_statistics
from moft.interpreter.viewpoint import layers_of
from moft.metrics.quality import SHARPNESS, Judge
from moft.models.tap import Tap

Say = Callable[[str], None]
ELSEWHERE = {
    "up_blocks.1": True,
    "up_blocks.2": False,
}  # other layers; whether they are compared place by place
SHARES_ELSEWHERE = (1.0, 0.25)
CLIPS = "clips"  # folder of what was sampled, inside that of the results


def _asked(tasks: Sequence[Task], judge: Judge) -> dict[str, Any]:
    names = dict.fromkeys(task.name for task in tasks)
    prompts = dict.fromkeys(prompt for task in tasks for prompt in task.prompts)
    return {"directions": list(names), "prompts": list(prompts), "speed": SPEED, "judge": judge.name}


def features(
    pipe: Any,
    out: Path,
    say: Say,
    tasks: Sequence[Task] | None = None,
    shares: Sequence[float] = layers.SHARES,
    elsewhere: bool = True,
    judge: Judge = SHARPNESS,
) -> Record:
    """Tables 1 and 4 at the layer of the model's statistics, and how much of each layer follows displacement.

    elsewhere: both at other layers, too. Table 4 is of the straight tasks of the first eight prompts."""
    tasks = held_out() if tasks is None else tasks
    runs, own = Runs(pipe, out / CLIPS, say, judge=judge), find_statistics(pipe).layer
    say("reading pans of photographs")
    seen = layers_of(Tap(pipe, own).denoiser, own)
    shown = layers.layers_of(pipe, [name for name in seen if name == own or "motion_modules" not in name])
    fours = {own: shown[own].ways(pipe, shares)}
    rows = table(runs, table1(fours[own]["ccr"]), tasks, TABLE)
    others = {name: by for name, by in ELSEWHERE.items() if elsewhere and name in {*shown} - {own}}
    for name, per_position in others.items():
        apart = {"vanilla": partial(feature_ways.vanilla, layer=name, per_position=per_position)}
        fours[name] = {**apart, **shown[name].ways(pipe, SHARES_ELSEWHERE, per_position)}
    straight = first_part(beside.straight(tasks))
    rows4 = {
        layer: table(runs, ways, straight, TABLE if layer == own else f"{TABLE}{layer}/")
        for layer, ways in fours.items()
    }
    kept = {own: shares, **dict.fromkeys(ELSEWHERE, SHARES_ELSEWHERE)}
    return record(
        "features",
        SEED,
        pipe,
        **_asked(tasks, judge),
        by_position=[name for name in fours if ELSEWHERE.get(name)],
        summary=summary(rows, "fidelity"),
        explained={
            name: _held(layers.explained(layer.features, layer.paths).tolist())
            for name, layer in shown.items()
        },
        kept={name: {n: len(c) for n, c in shown[name].channels(pipe, kept[name]).items()} for name in fours},
        summary4={layer: summary(columns, "fidelity") for layer, columns in rows4.items()},
        rows=rows,
        rows4=rows4,
    )


def _held(values: Sequence[float]) -> dict[str, float]:
    """Of R² by channel: how many channels, the mean, and the share above one half."""
    return {
        "channels": len(values),
        "mean": round(float(np.mean(values)), 3),
        "over_half": round(float(np.mean(np.array(values) > 0.5)), 3),
    }


def drag(pipe: Any, out: Path, say: Say, tasks: Sequence[drags.Drag] | None = None) -> Record:
    """Table 2."""
    tasks = drags.drags() if tasks is None else tasks
    rows = drags.table2(Runs(pipe, out / CLIPS, say), tasks)
    asked = {"paths": [list(task.path) for task in tasks], "prompts": list(tasks[0].prompts)}
    return record("drag", drags.SEED, pipe, **asked, summary=summary(rows, "distance"), rows=rows)


def peers(
    pipe: Any,
    out: Path,
    say: Say,
    tasks: Sequence[Task] | None = None,
    work: bool = True,
    judge: Judge = SHARPNESS,
) -> Record:
    """Other systems' objectives beside MOFT; their FLOPs and memory if wanted."""
    tasks = beside.straight(held_out()) if tasks is None else tasks
    rows = beside.compared(Runs(pipe, out / CLIPS, say, judge=judge), tasks)
    counted = beside.work(pipe, tasks[0], say) if work else {}
    return record(
        "peers",
        SEED,
        pipe,
        **_asked(tasks, judge),
        step_sizes={name: beside.step_size(name) for name in beside.WAYS},
        tuning={
            name: {f"{size:g}": value for size, value in fidelity.items()}
            for name, fidelity in beside.TUNING.items()
        },
        work=counted,
        summary=summary(rows, "fidelity"),
        rows=rows,
    )


def cost(pipe: Any, out: Path, say: Say, quick: bool = False) -> Record:
    """What steering costs."""
    return record("cost", 0, pipe, **_rounded(costs.measure(pipe, quick, say)))


def real(say: Say) -> Record:
    """What it costs at real sizes."""
    return record("real", 0, models=real_costs(say))


def everything(pipe: Any, out: Path, say: Say, quick: bool) -> Record:
    """All tables, each left in a file of its own; returned is what they come to.

    features: mean fidelity of each way, 0…1 (less than nothing counts as nothing). cost: of each way, ratios
        to plain.
    drag: mean distance, in lengths of the way. peers: mean fidelity.
    """
    few: dict[str, Any] = {"features": {}, "peers": {}, "drag": {}}
    if quick:
        tasks = held_out(("left", "up-right"), PROMPTS[1:3])
        few = {
            "features": {"tasks": tasks, "shares": (1.0, 0.25, 0.0625), "elsewhere": False},
            "peers": {"tasks": tasks[:1], "work": False},
            "drag": {"tasks": drags.drags(drags.PATHS[:1], drags.SCENES[:2])},
        }
    records = {"cost": cost(pipe, out, say, quick)}
    save(out, "cost", records["cost"])
    runs: dict[str, Callable[..., Record]] = {"features": features, "drag": drag, "peers": peers}
    for name, run in runs.items():
        records[name] = run(pipe, out, say, **few[name])
        save(out, name, records[name])
    scores = {
        name: {way: row[score] for way, row in records[name]["summary"].items()}
        for name, score in {"features": "fidelity", "drag": "distance", "peers": "fidelity"}.items()
    }
    scores["features"] = {way: max(0.0, value) for way, value in scores["features"].items()}
    return record("all", SEED, quick=quick, cost=records["cost"]["cost"], **scores)


def printed(record: Record) -> str:
    """A record in words: a line a way."""
    if "summary" in record:
        return "\n".join(f"{name + ':':<14}{_pairs(row)}" for name, row in record["summary"].items())
    names = [name for name in ("features", "drag", "peers", "cost", "growth") if name in record]
    return "\n".join(
        f"{name}: {way}: {value if isinstance(value, float) else _pairs(value)}"
        for name in names
        for way, value in _items(record[name])
    )


def _items(value: Any) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, dict) else [(row["grows"], row) for row in value]


def _pairs(row: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in row.items())


def _rounded(value: Any) -> Any:
    """Floats to three places, however deep."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return round(value, 3) if isinstance(value, float) else value
