"""The page's figures: means with their intervals, and what grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from moft.interpreter.figures.style import COLOURS, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def means(rows: Mapping[str, Sequence[float]], label: str) -> Figure:
    """A mean and the ends of its confidence interval a row, the first on top."""
    with styled():
        figure, panels = new_figure(1, 1, 6.4, 0.34 * len(rows) + 0.9)
        panel = panels[0, 0]
        for i, (mean, low, high) in enumerate(rows.values()):
            panel.plot([low, high], [i, i], color=COLOURS[0], linewidth=2)
            panel.plot(mean, i, "o", color=COLOURS[0])
            panel.annotate(
                f"{mean:.3f}", (high, i), (6, 0), textcoords="offset points", va="center", fontsize=9
            )
        panel.set(xlabel=label)
        panel.set_yticks(range(len(rows)), list(rows))
        panel.margins(x=0.12)
        panel.grid(axis="x", alpha=0.3)
        panel.invert_yaxis()
    return figure


def over_shares(rows: Mapping[str, Mapping[float, Sequence[float]]], label: str) -> Figure:
    """Table 4: a mean and the ends of its confidence interval over the share of channels kept, in 0…1, a line
    each."""
    with styled():
        figure, panels = new_figure(1, 1, 6.4, 3.2)
        panel, shares = panels[0, 0], sorted({share for values in rows.values() for share in values})
        for i, (name, values) in enumerate(rows.items()):
            x = [100 * share for share in values]
            mean, low, high = np.array(list(values.values())).T
            panel.fill_between(x, low, high, color=COLOURS[i], alpha=0.2, linewidth=0)
            panel.plot(x, mean, marker="os^v"[i % 4], color=COLOURS[i], label=name)
        panel.set(xscale="log", xlabel="channels kept, %", ylabel=label)
        panel.set_xticks([100 * share for share in shares], [f"{100 * share:.3g}" for share in shares])
        panel.minorticks_off()
        panel.grid(axis="y", alpha=0.3)
        if len(rows) > 1:
            panel.legend()
    return figure


def growth(rows: Mapping[str, Mapping[int, Mapping[str, float]]]) -> Figure:
    """One panel for what grows: each ratio over its size."""
    with styled():
        figure, panels = new_figure(1, len(rows), 2.6 * len(rows), 2.6, sharey=True)
        for panel, (what, values) in zip(panels[0], rows.items(), strict=True):
            for i, name in enumerate(next(iter(values.values()))):
                panel.plot(
                    range(len(values)),
                    [row[name] for row in values.values()],
                    marker="os"[i % 2],
                    color=COLOURS[i],
                    label=name,
                )
            panel.set_xticks(range(len(values)), [str(size) for size in values])
            panel.set(xlabel=what)
            panel.grid(axis="y", alpha=0.3)
        panels[0, 0].set(ylabel="steered over plain", ylim=(1, None))
        panels[0, 0].legend()
    return figure
