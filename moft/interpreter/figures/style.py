"""How every figure looks, and the pieces of which figures are made."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from moft.printing import harmless

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#7F7F7F", "#E69F00", "#56B4E9", "#000000")
POINT_COLOUR = "#D5003C"
HEAT = "viridis"  # even in lightness, and legible to colour-blind readers
NAMES = {"vanilla": "vanilla", "ccr": "CCR", "moft": "CCR + MCF (MOFT)", "dift": "DIFT"}
_STYLE: Any = {
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "moft",
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


@contextmanager
def styled() -> Iterator[None]:
    """Inside, matplotlib draws in the one style of all figures."""
    import matplotlib

    with matplotlib.rc_context(_STYLE):
        yield


def new_figure(rows: int, columns: int, width: float, height: float, **kwargs: Any) -> tuple[Figure, Any]:
    """A figure without a window or global state, sides in inches, and its panels as an array (rows
    columns)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False, **kwargs)


def render(figure: Figure, kind: str) -> bytes:
    """The figure as "png" (150 dots an inch) or "svg"; the same figure gives the same bytes."""
    held = io.BytesIO()
    _take_literally(figure)
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    with styled():
        figure.savefig(held, format=kind, dpi=150, metadata=metadata)
    return held.getvalue()


def _take_literally(figure: Figure) -> None:
    """Names of files are anybody's: `$` begins no formula, and what no letter is becomes none. The labels of
    logarithmic axes are formulas, and matplotlib's own."""
    from matplotlib.text import Text

    axes = [axis for panel in figure.axes for axis in (panel.xaxis, panel.yaxis)]
    own = {label for axis in axes for label in axis.get_ticklabels(which="both")}
    for text in figure.findobj(Text):
        if isinstance(text, Text) and text not in own:
            text.set_parse_math(False)
            text.set_text(harmless(text.get_text()))


# ---------------------------------------------------------------- pieces


def bare(panel: Any, title: str = "") -> None:
    """Take a panel's ticks and frame away; with a title in small print."""
    panel.set_xticks([])
    panel.set_yticks([])
    for spine in panel.spines.values():
        spine.set_visible(False)
    if title:
        panel.set_title(title, fontsize=9)


def show_picture(panel: Any, picture: np.ndarray, title: str = "") -> None:
    """A picture uint8 (h w 3), pixel by pixel."""
    panel.imshow(picture, interpolation="nearest")
    bare(panel, title)


def mark_point(panel: Any, point: Sequence[float]) -> None:
    """A ring around the point (x, y, …) px of the picture in a panel, seen on any ground."""
    for colour, width in (("white", 3.5), (POINT_COLOUR, 1.8)):
        panel.plot(
            point[0],
            point[1],
            "o",
            markersize=9,
            markerfacecolor="none",
            markeredgecolor=colour,
            markeredgewidth=width,
        )


def legend_below(figure: Figure, panel: Any, columns: int, title: str | None = None) -> None:
    """One legend for all panels, of what one of them shows."""
    handles, labels = panel.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, title=title)


def short_name(name: str) -> str:
    """A file's name without its folder, and without its middle where it is long."""
    stem = Path(name).name
    return stem if len(stem) <= 22 else stem[:10] + "…" + stem[-10:]
