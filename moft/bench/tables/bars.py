"""Whether each bar was met: rows of what was hoped for, what came, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from moft.bench.results import Record, difference
from moft.bench.tables.labels import PEERS
from moft.bench.tables.pieces import mean_cell, percent_kept, table

Row = Sequence[str]


def bars(records: Mapping[str, Record]) -> str:
    """The page's first section."""
    rows: list[Row] = []
    if "features" in records:
        rows += _table1_bars(records["features"]) + _table4_bars(records["features"])
    if "peers" in records:
        rows.append(_peer_bar(records["peers"]))
    if "drag" in records:
        rows += _drag_bars(records["drag"])
    if "cost" in records:
        rows += _cost_bars(records["cost"])
    return "## In short\n\n" + table(("what was hoped for", "found", ""), rows)


def _over(rows: Any, better: str, worse: str) -> str:
    mean, low, high = difference(rows, better, worse, "fidelity")
    return f"{100 * mean:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}]"


def _ahead(rows: Any, better: str, worse: str, by: float = 0.0) -> str:
    mean, low, _ = difference(rows, better, worse, "fidelity")
    if low > by or mean <= by:
        return _verdict(mean > by)
    return "met in the mean, not told apart by these clips"


def _table1_bars(record: Record) -> list[Row]:
    rows, best = record["rows"], record["summary"]["moft"]["fidelity"]
    near = "Table 1: synthesised within 2 points of a clip's, or above"
    return [
        (
            "Table 1: CCR above the vanilla feature",
            _over(rows, "ccr", "vanilla"),
            _ahead(rows, "ccr", "vanilla"),
        ),
        ("Table 1: MOFT above CCR alone", _over(rows, "moft", "ccr"), _ahead(rows, "moft", "ccr")),
        (near, _over(rows, "synthesised", "moft"), _ahead(rows, "synthesised", "moft", -0.02)),
        ("MOFT's fidelity at least 0.8", f"{best:.3f}", _verdict(best >= 0.8)),
    ]


def _table4_bars(record: Record) -> list[Row]:
    bars: list[Row] = []
    for layer, kept in record["summary4"].items():
        shares = [name for name in kept if name not in ("ccr", "vanilla")]
        best = max(shares, key=lambda name: kept[name]["fidelity"])
        rows = record["rows4"][layer]
        if "vanilla" in kept:
            how = "place by place, " if layer in record["by_position"] else ""
            what = f"CCR above the vanilla feature, {how}at `{layer}`"
            bars.append((what, _over(rows, "ccr", "vanilla"), _ahead(rows, "ccr", "vanilla")))
        what = f"Table 4, `{layer}`: a kept share 5 points above all channels"
        came = f"{_over(rows, best, 'ccr')} at {percent_kept(record, layer, best):.3g} %"
        bars.append((what, came, _ahead(rows, best, "ccr", 0.05)))
    return bars


def _peer_bar(record: Record) -> Row:
    fidelity = {name: row["fidelity"] for name, row in record["summary"].items()}
    ours = ("moft", "synthesised")
    best = max((name for name in fidelity if name not in (*ours, "plain")), key=fidelity.__getitem__)
    own = max(ours, key=fidelity.__getitem__)
    high = difference(record["rows"], own, best, "fidelity")[2]
    came = (
        f"{PEERS[own].strip('*')} {fidelity[own]:.3f}, {PEERS[best]} {fidelity[best]:.3f}: "
        f"{_over(record['rows'], own, best)}"
    )
    return "MOFT best of the objectives, or within the interval of the best", came, _verdict(high >= 0)


def _drag_bars(record: Record) -> list[Row]:
    means = {name: row["distance"] for name, row in record["summary"].items()}
    better = min(("dift", "moft"), key=means.__getitem__)
    mean, low, high = difference(record["rows"], "both", better, "distance")
    return [
        (
            "Table 2: MOFT early and DIFT later, mean distance at most 0.175",
            mean_cell(record["summary"]["both"], "distance"),
            _verdict(means["both"] <= 0.175),
        ),
        ("Table 2: below either alone", f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]", _verdict(high < 0)),
    ]


def _cost_bars(record: Record) -> list[Row]:
    def most(what: str, value: float, bar: float) -> Row:
        return f"{what} at most {bar}", f"{value:.2f}", _verdict(value <= bar)

    flops, fused = {name: row["flops"] for name, row in record["cost"].items()}, record["cost"]["fused"]
    whose = {"seconds": " of one clip", "seconds_batch": " of four"}
    release = ("the release's scheme, 3 or more, measured beside", f"{flops['release']:.2f}")
    return [
        ("steering, FLOPs of a run at most 1.45 of plain", *most("", flops["steered"], 1.45)[1:]),
        most("`fused`", flops["fused"], 1.15),
        *(most(f"`fused`, seconds{of}", fused[what], 1.2) for what, of in whose.items() if what in fused),
        (*release, _verdict(flops["release"] >= 3)),
    ]


def _verdict(fine: bool) -> str:
    return "met" if fine else "**missed**"
