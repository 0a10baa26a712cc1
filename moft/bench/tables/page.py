"""Stored results as a page: tables, plots, and whether each bar was met.

Runs nothing; the same results give the same page."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moft.bench.results import Record, load
from moft.bench.tables import figures
from moft.bench.tables.bars import bars
from moft.bench.tables.labels import PEERS, WAYS
from moft.bench.tables.pieces import ends, percent_kept
from moft.bench.tables.sections import SECTIONS
from moft.interpreter.figures.style import render
from moft.media.checks import translated
from moft.media.files import replacing, staging
from moft.printing import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEAD = """# Benchmarks

What `moft` claims, measured on the miniature: the paper's tables, other systems' objectives on the same \
model, and the cost. This page is
written from the results in [{folder}]({folder}) by `moft bench page`; each was made by the command \
beside it, and holds
seed, versions and every clip's scores. `moft bench --quick -o DIR` makes all of them small, in minutes.

The miniature is a small AnimateDiff that shows 8 frames of 64 x 64 px ([the \
miniature](lab/miniature.md)). Its figures compare ways of steering
with each other on one model; they do not stand beside figures of other models.

**Fidelity** is the paper's Eq. 5 and 6, their two halves averaged \
(`moft.metrics.fidelity.motion_fidelity`): 1, all moves as in the reference clip; about 0,
nothing to do with it. Tracks are chained optical flow with a forward-backward check. **Cosine** is that \
of the mean motions, **speed** the mean speed over
the reference's, **tracked** the share of the output's tracks that could be followed, **content** how far \
the named colours cover as much of the clip as in the plain
run of the same seed, **steadiness** VBench's consistency formula on thumbnails (no weights), **imaging** \
how good single frames look, by the judge
named below the table. In brackets: 95 % confidence intervals of the mean over clips (bootstrap).
"""


def write(results: Path, out: Path) -> Path:
    """The page at `out`, its figures beside the results; both whole. Raises MediaError if there are no
    results."""
    records = load(results)
    with staging(results) as aside:
        for name, figure in drawn(records).items():
            mark = f"<!-- of {digest(records)} -->\n"
            (aside / f"{name}.svg").write_bytes(render(figure, "svg") + mark.encode())
    with replacing(out) as page:
        page.write_text(text(records, os.path.relpath(results, out.parent)), encoding="utf-8")
    return out


def digest(records: Mapping[str, Record]) -> str:
    """Of all results together; a figure carries it, so that one can tell whether it is of these."""
    return hashlib.sha256(repr(sorted(records.items())).encode()).hexdigest()[:16]


def text(records: Mapping[str, Record], folder: str) -> str:
    """The page. folder: where results and figures lie, as seen from it.

    Raises MediaError for a result that lacks what its section shows."""
    records = _plain(records)
    with _results(folder):
        parts = [HEAD.format(folder=folder), bars(records)]
    for name, section in SECTIONS.items():
        if name in records:
            with _results(f"{folder}/{name}.json"):
                parts.append(section(records[name], folder))
    return "\n".join(parts)


def _results(place: str) -> AbstractContextManager[None]:
    """A result's fields are those of its kind; whatever fails for one that is bent becomes a MediaError."""
    return translated(place, "results as `moft bench` writes them", "write them again")


def _plain(value: Any) -> Any:
    """Results whose texts are no markup: neither HTML nor the end of a cell or of code."""
    if isinstance(value, str):
        return printable(value).replace("<", "&lt;").replace("|", "\\|").replace("`", "'")
    if isinstance(value, Mapping):
        return {_plain(key): _plain(held) for key, held in value.items()}
    return [_plain(held) for held in value] if isinstance(value, list) else value


def drawn(records: Mapping[str, Record]) -> dict[str, Figure]:
    """Every figure of the page, by name. Raises MediaError as `text` does."""
    with _results("the results"):
        return _figures(records)


def _figures(records: Mapping[str, Record]) -> dict[str, Figure]:
    made: dict[str, Figure] = {}
    if "features" in records:
        made |= _feature_figures(records["features"])
    if "peers" in records:
        means = records["peers"]["summary"]
        order = sorted(means, key=lambda name: -means[name]["fidelity"])
        made["peers"] = figures.means({PEERS[n].strip("*"): ends(means[n]) for n in order}, "motion fidelity")
    if "cost" in records and records["cost"]["growth"]:
        grown: dict[str, dict[int, dict[str, float]]] = {}
        for row in records["cost"]["growth"]:
            name = row["grows"].replace("side", "px a side")
            grown.setdefault(name, {})[row[row["grows"]]] = {"FLOPs": row["flops"], "memory": row["memory"]}
        made["growth"] = figures.growth(grown)
    return made


def _feature_figures(record: Record) -> dict[str, Figure]:
    means = {WAYS[n].strip("*"): ends(record["summary"][n]) for n in WAYS}
    shares = {
        layer: {percent_kept(record, layer, n) / 100: ends(row) for n, row in ways.items() if n != "vanilla"}
        for layer, ways in record["summary4"].items()
    }
    return {
        "table1": figures.means(means, "motion fidelity"),
        "table4": figures.over_shares(shares, "motion fidelity"),
    }
