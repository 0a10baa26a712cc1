"""The table of a batch: a row a job, as CSV and Parquet."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from moft.batch.rows import Row
from moft.batch.store import Store
from moft.batch.worker import CLIP
from moft.media.files import staging
from moft.printing import harmless

CSV, PARQUET = "results.csv", "results.parquet"
_ROWS = 10_000  # of Parquet at once

# name → its type. share: the least of the requests', 1 being all that was asked. Seconds of sampling.
COLUMNS: dict[str, type] = {
    "key": str,
    "line": str,
    "state": str,
    "followed": bool,
    "share": float,
    "angle": float,
    "asked": str,
    "prompt": str,
    "seed": int,
    "model": str,
    "seconds": float,
    "seconds_plain": float,
    "seconds_steered": float,
    "peak_memory_mb": float,
    "tries": int,
    "attempts": int,
    "file": str,
    "error": str,
}


def values_of(row: Row) -> dict[str, Any]:
    """A row's values by column, those of its axes as `axis:NAME`; None where there is none."""
    wanted, gave = job_of(row), row.result or {}
    seconds = gave.get("seconds", {})
    whole = row.ended - row.began if row.state == "done" and row.ended and row.began else None
    return {
        **{f"axis:{name}": str(value) for name, value in wanted.get("axes", {}).items()},
        "key": row.key,
        "line": row.note,
        "state": row.state,
        "followed": gave.get("followed"),
        "share": _of(min, gave.get("share")),
        "angle": _of(max, gave.get("angle")),
        "asked": gave.get("asked") or json.dumps(wanted.get("requests")),
        "prompt": wanted.get("prompt"),
        "seed": gave.get("seed", wanted.get("seed")),
        "model": wanted.get("model"),
        "seconds": whole,
        "seconds_plain": seconds.get("plain"),
        "seconds_steered": seconds.get("steered"),
        "peak_memory_mb": gave.get("peak_memory_mb"),
        "tries": gave.get("tries"),
        "attempts": row.attempts,
        "file": f"{row.key}/{CLIP}" if row.state == "done" else None,
        "error": row.error,
    }


def _of(choose: Any, values: Sequence[float | None] | None) -> float | None:
    known = [value for value in values or () if value is not None]
    return choose(known) if known else None


def write_tables(stores: Sequence[Store], folder: Path) -> list[Path]:
    """Every job of these stores in `results.csv`, and in `results.parquet` if pyarrow is installed; rows are
    read as they are written, so a million need no more memory than a thousand. Where they are.

    Raises MediaError where they cannot be written."""
    axes = dict.fromkeys(name for store in stores for row in store.rows() for name in _axes(row))
    columns = {**dict.fromkeys(axes, str), **COLUMNS}
    files = [CSV]
    with staging(folder) as aside:
        _write_csv(aside / CSV, columns, _all(stores))
        if find_spec("pyarrow"):
            _write_parquet(aside / PARQUET, columns, _all(stores))
            files.append(PARQUET)
    return [folder / name for name in files]


def _axes(row: Row) -> Iterable[str]:
    if '"axes"' not in row.job:  # most jobs of a manifest by hand
        return ()
    return (f"axis:{name}" for name in job_of(row).get("axes", {}))


def job_of(row: Row) -> dict[str, Any]:
    """What was asked, as it is kept: to be made a `Work` takes longer than all else here."""
    found: dict[str, Any] = json.loads(row.job)
    return found


def _all(stores: Sequence[Store]) -> Iterator[dict[str, Any]]:
    return (values_of(row) for store in stores for row in store.rows())


def _write_csv(path: Path, columns: dict[str, type], rows: Iterable[dict[str, Any]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(map(harmless, columns))
        for row in rows:
            values = (row.get(name) for name in columns)
            writer.writerow(harmless(value) if isinstance(value, str) else value for value in values)


def _write_parquet(path: Path, columns: dict[str, type], rows: Iterable[dict[str, Any]]) -> None:
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    kinds = {str: pyarrow.string(), float: pyarrow.float64(), int: pyarrow.int64(), bool: pyarrow.bool_()}
    schema = pyarrow.schema([(name, kinds[kind]) for name, kind in columns.items()])
    with ParquetWriter(path, schema) as writer:
        held = list[dict[str, Any]]()
        for row in rows:
            held.append({name: row.get(name) for name in columns})
            if len(held) == _ROWS:
                writer.write_table(pyarrow.Table.from_pylist(held, schema))
                held.clear()
        writer.write_table(pyarrow.Table.from_pylist(held, schema))
