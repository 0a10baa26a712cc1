"""Pieces of the page: a table, a mean with its interval, a share, what made a record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from moft.bench.results import Record

# What a summary holds that is no column of scores: counts, what has a column of its own, and flickering,
# which any motion lowers.
_APART = {"clips", "fidelity", "flickering", "seconds", "interval"}


def score_names(row: Mapping[str, Any]) -> list[str]:
    """The scores that get a column each, in the order in which clips are scored."""
    return [name for name in row if name not in _APART]


def score_cells(row: Mapping[str, Any]) -> list[str]:
    """A cell for each of `score_names`."""
    return [number(row[name]) for name in score_names(row)]


def ends(row: Mapping[str, Any]) -> tuple[float, float, float]:
    """Mean fidelity and the ends of its interval."""
    return (row["fidelity"], *row["interval"])


def percent_kept(record: Record, layer: str, name: str) -> float:
    """Percent of the layer's channels."""
    return 100 * record["kept"][layer][name] / max(record["kept"][layer].values())


def kept_cell(record: Record, layer: str, name: str) -> str:
    """What is kept of a layer: percent, and how many channels."""
    if name == "vanilla":
        return "vanilla feature"
    return f"{percent_kept(record, layer, name):.3g} % ({record['kept'][layer][name]})"


def mean_cell(row: Mapping[str, Any], score: str) -> str:
    """A mean and its interval."""
    low, high = row["interval"]
    return f"{row[score]:.3f} [{low:.3f}, {high:.3f}]"


def number(value: float) -> str:
    """To two places."""
    return f"{value:.2f}"


def paper_cell(value: float | None) -> str:
    """The paper's number, where it has one."""
    return "–" if value is None else f"{value}"


def made_by(record: Record) -> str:
    """The command and the seed; and how long the miniature had been trained."""
    trained = f", the miniature at {record['trained'] / 1000:.1f} k clips" if "trained" in record else ""
    return f"`{record['command']}`, seed {record['seed']}{trained}."


def task_words(record: Record) -> str:
    """How many directions and prompts."""
    return f"{len(record['directions'])} directions x {len(record['prompts'])} held-out prompts"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """In Markdown, a line a row."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
