"""Scores to choose by: of designs, of layers and timesteps, of how many channels are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from moft.interpreter.figures.style import COLOURS, HEAT, NAMES, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from moft.interpreter.sweep import LayerScore, ShareScore


def draw_scores(auc: Mapping[str, float | None], correlation: Mapping[str, float | None]) -> Figure:
    """How well similarity predicts "moves the same way", one bar a design."""
    titles = ("ROC-AUC (0.5 is chance)", "correlation with the direction cosine")
    with styled():
        figure, panels = new_figure(1, 2, 7.4, 2.5, sharey=True)
        for panel, values, title, low in zip(panels[0], (auc, correlation), titles, (0.5, 0.0), strict=True):
            for i, value in enumerate(values.values()):
                size = low if value is None else value
                panel.barh(i, size - low, left=low, color=COLOURS[i])
                panel.text(max(size, low) + 0.01, i, "–" if value is None else f"{value:.3f}", va="center")
            panel.set(title=title, xlim=(low if low else min(0.0, *(v or 0 for v in values.values())), 1.12))
            panel.set_yticks(range(len(values)), [NAMES[name] for name in values])
        panels[0, 0].invert_yaxis()
    return figure


def draw_shares(rows: Sequence[ShareScore]) -> Figure:
    """Table 4's x axis: separability and AUC over the share of channels kept."""
    whole = rows[0].channels / rows[0].share  # channels of the layer
    x = [100 * row.channels / whole for row in rows]
    with styled():
        figure, panels = new_figure(1, 1, 6.0, 3.2)
        panel = panels[0, 0]
        for i, name in enumerate(("separability", "auc")):
            values = [np.nan if (v := getattr(row, name)) is None else v for row in rows]
            label = ("separability", "AUC, object clips")[i]
            panel.plot(x, values, marker="os"[i], color=COLOURS[i], label=label)
        panel.set(xscale="log", xlabel="channels kept, %", ylim=(min(0.45, panel.get_ylim()[0]), 1.02))
        panel.set_xticks(x, [f"{value:.3g}\n({row.channels})" for value, row in zip(x, rows, strict=True)])
        panel.minorticks_off()
        panel.grid(axis="y", alpha=0.3)
        panel.legend()
    return figure


def draw_sweep(scores: Sequence[LayerScore], design: str) -> Figure:
    """AUC of every layer (rows, as they run) at every timestep (columns); the best is framed."""
    from matplotlib.patches import Rectangle

    layers = list(dict.fromkeys(score.layer for score in scores))
    times = sorted({score.timestep for score in scores})
    table = np.full((len(layers), len(times)), np.nan)
    for score in scores:
        value = score.auc[design]
        at = layers.index(score.layer), times.index(score.timestep)
        table[at] = np.nan if value is None else value
    with styled():
        figure, panels = new_figure(1, 1, 1.0 * len(times) + 4.2, 0.36 * len(layers) + 1.4)
        panel = panels[0, 0]
        image = panel.imshow(table, vmin=0.5, vmax=1, cmap=HEAT, aspect="auto")
        for (row, column), value in np.ndenumerate(table):
            ink = "white" if value < 0.8 else "black"
            panel.text(column, row, f"{value:.2f}", ha="center", va="center", color=ink, fontsize=9)
        row, column = np.unravel_index(np.nanargmax(table), table.shape)
        corner = (column - 0.5, row - 0.5)
        panel.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=COLOURS[1], linewidth=3))
        panel.set_xticks(range(len(times)), [str(t) for t in times])
        panel.set_yticks(range(len(layers)), layers)
        panel.set(xlabel="timestep", title=f"AUC of {NAMES[design]}, the best framed")
        figure.colorbar(image, ax=panel, label="0.5 is chance")
    return figure
