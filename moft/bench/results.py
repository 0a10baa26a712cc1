"""What a comparison found, as JSON: every clip's scores, their means with confidence intervals, and what made
them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from moft import plain
from moft.bench.runs import Columns
from moft.errors import MediaError
from moft.media.files import replacing
from moft.provenance import command, versions

TRAINING = "training.json"  # beside a miniature's weights
MAX_RESULT = 2**28  # bytes of a file
Record = dict[str, Any]


def record(kind: str, seed: int, pipe: Any = None, **found: Any) -> Record:
    """What was found, and the command, the versions and the seed of it; of a pipeline of the miniature the
    clips that its weights had seen, too."""
    made = {"kind": kind, "command": " ".join(command()), "seed": seed, "versions": versions()}
    seen = Path(getattr(pipe, "name_or_path", None) or "unnamed") / TRAINING
    if seen.is_file():
        made["trained"] = plain.read(seen, "what training wrote", error=MediaError)["clips"]
    return {**made, **found}


def summary(rows: Mapping[str, Columns], score: str) -> dict[str, dict[str, Any]]:
    """Of each way: the mean of every column over the clips, and the 95 % confidence interval of the
    `score`'s."""
    found = {}
    for name, columns in rows.items():
        means = {key: round(float(np.mean(values)), 3) for key, values in columns.items()}
        found[name] = {
            "clips": len(columns[score]),
            **means,
            "interval": [round(end, 3) for end in interval(columns[score])],
        }
    return found


def difference(
    rows: Mapping[str, Columns], better: str, worse: str, score: str
) -> tuple[float, float, float]:
    """Mean difference of two ways' scores, clip by clip, and its 95 % confidence interval."""
    apart = np.subtract(rows[better][score], rows[worse][score]).tolist()
    return (float(np.mean(apart)), *interval(apart))


def interval(values: list[float]) -> tuple[float, float]:
    """95 % confidence interval of the mean: bootstrap over the values, BCa, the same each time; the mean
    itself if all are alike."""
    from scipy.stats import bootstrap  # here, so that reading results needs no scipy

    given = np.asarray(values, np.float64)
    if len(given) < 2 or np.ptp(given) == 0:
        return float(given.mean()), float(given.mean())
    low, high = bootstrap((given,), np.mean, rng=0).confidence_interval
    return float(low), float(high)


def save(folder: Path, name: str, found: Record) -> None:
    """`name`.json in the folder, whole or not at all; each list of numbers on one line."""
    with replacing(folder / f"{name}.json") as path:
        path.write_text(_lines(found) + "\n", encoding="utf-8")


def load(folder: Path) -> dict[str, Record]:
    """Every result in a folder, by name. Raises MediaError for a file that is none, or if there is none."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        held = plain.read(path, "what `moft bench` wrote", most=MAX_RESULT, error=MediaError)
        if not isinstance(held, dict) or not {"kind", "command", "versions"} <= held.keys():
            raise MediaError(
                f"cannot read {path}: expected a result of `moft bench`, got other JSON; move it elsewhere"
            )
        found[path.stem] = held
    if not found:
        raise MediaError(
            f"no results in {folder}: expected the JSON files that `moft bench -o {folder}` writes; "
            "run it first"
        )
    return found


def _lines(value: Any, indent: int = 0) -> str:
    """JSON in which objects are spread over lines and lists are not."""
    if not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False)
    pad = " " * (indent + 1)
    items = (
        f"{pad}{json.dumps(str(key), ensure_ascii=False)}: {_lines(item, indent + 1)}"
        for key, item in value.items()
    )
    return "{\n" + ",\n".join(items) + "\n" + " " * indent + "}"
