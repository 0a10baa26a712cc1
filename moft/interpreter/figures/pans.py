"""What panned photographs show: directions in a plane, weights of channels, curves over the frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from moft.interpreter.figures.style import COLOURS, NAMES, legend_below, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

    from moft.interpreter.directions import PanFeatures, Plane

MARKERS = ("<", ">", "^", "v", "o")  # left, right, up, down, still, as `moft.known.pans.WAYS`
_DASHES = ("-", "-", "--", "--")  # steady one way and the other, reversing


def draw_directions(planes: Mapping[str, Plane], ways: Sequence[str]) -> Figure:
    """Fig. 2: first-frame features of pans in the plane of their first two components, one panel a design."""
    with styled():
        figure, panels = new_figure(1, len(planes), 3.6 * len(planes), 3.7)
        for panel, (design, plane) in zip(panels[0], planes.items(), strict=True):
            for i, way in enumerate(ways):
                panel.scatter(
                    *plane.points[plane.way == i].numpy().T,
                    s=26,
                    marker=MARKERS[i],
                    color=COLOURS[i],
                    edgecolor="white",
                    linewidth=0.4,
                    label=way,
                )
            apart = f"separability {plane.separability:.2f}, silhouette {plane.silhouette:+.2f}"
            panel.set_title(f"{NAMES[design]}\n{apart}")
            panel.set(xlabel="P1", ylabel="P2", aspect="equal", adjustable="datalim")
            panel.tick_params(labelsize=8)
        legend_below(figure, panels[0, 0], len(ways), "the picture content goes")
    return figure


def draw_weights(components: np.ndarray, kept: Sequence[int]) -> Figure:
    """Fig. 3a: weights (2 c) of the first two components, largest of the two for each channel, the kept
    marked."""
    size = np.abs(components).max(0)
    edges, mark = np.linspace(0, size.max() * 1.02, 33), np.isin(np.arange(len(size)), kept)
    with styled():
        figure, panels = new_figure(1, 1, 6.4, 3.0)
        panels[0, 0].hist(
            [size[~mark], size[mark]],
            edges,
            stacked=True,
            color=[COLOURS[4], COLOURS[1]],
            label=[f"other channels ({(~mark).sum()})", f"motion channels ({mark.sum()})"],
            edgecolor="white",
        )
        panels[0, 0].set(xlabel="size of the weight in P1 or P2, the larger of the two", ylabel="channels")
        panels[0, 0].legend()
    return figure


def draw_curves(
    pans: PanFeatures, motion_channel: int, other: int, axis: int, correlations: Sequence[float]
) -> Figure:
    """Fig. 3b–d: CCR curves of a motion channel and of another over the frames, mean and spread over
    photographs and places, for pans along an axis (0 x, 1 y) that go steadily and that reverse, beside the
    true displacement.

    Args:
        correlations: of either channel with the true displacement.
    """
    with styled():
        figure, panels = new_figure(1, 3, 10.4, 3.2)
        for i, (name, mask) in enumerate(_paths_along(pans, axis).items()):
            style = {"color": COLOURS[i], "linestyle": _DASHES[i], "label": name}
            truth = pans.path[mask][0, :, axis].numpy() * pans.size.side
            _band(panels[0, 0], truth[None], **style)
            for panel, channel in zip(panels[0, 1:], (motion_channel, other), strict=True):
                _band(panel, pans.clean[mask][..., channel].numpy(), **style)
        limit = float(pans.clean[..., [motion_channel, other]].abs().max()) * 1.05
        titles = (
            f"true displacement along {'xy'[axis]}, px",
            f"motion channel {motion_channel}: r = {correlations[0]:+.2f}",
            f"channel {other}, no motion channel: r = {correlations[1]:+.2f}",
        )
        for i, (panel, title) in enumerate(zip(panels[0], titles, strict=True)):
            panel.set(title=title, xlabel="frame")
            panel.axhline(0, color="#999999", linewidth=0.6)
            if i:
                panel.set_ylim(-limit, limit)
        legend_below(figure, panels[0, 0], 4)
    return figure


def draw_curves_at(
    timesteps: Mapping[int, PanFeatures], channel: int, axis: int, correlations: Mapping[int, float]
) -> Figure:
    """Fig. 13: the same channel's curves at several timesteps, on one scale."""
    with styled():
        width = 2.5 * len(timesteps) + 0.8
        figure, panels = new_figure(1, len(timesteps), width, 3.1, sharey=True, sharex=True)
        for panel, (t, pans) in zip(panels[0], timesteps.items(), strict=True):
            for i, (name, mask) in enumerate(_paths_along(pans, axis).items()):
                curves = pans.clean[mask][..., channel].numpy()
                _band(panel, curves, color=COLOURS[i], linestyle=_DASHES[i], label=name)
            panel.set(title=f"t = {t}, r = {correlations[t]:+.2f}", xlabel="frame")
            panel.axhline(0, color="#999999", linewidth=0.6)
        panels[0, 0].set_ylabel(f"channel {channel}")
        legend_below(figure, panels[0, 0], 4)
    return figure


def _paths_along(pans: PanFeatures, axis: int) -> dict[str, Tensor]:
    """Which pans go the one and the other way along an axis, and which reverse: a mask (n,) each, by name."""
    path, steady = pans.path[..., axis], torch.tensor([motion.path is None for motion in pans.motions])
    across = pans.path[..., 1 - axis].abs().amax(1) < 1e-9
    start, middle = path[:, 0], path[:, path.shape[1] // 2]
    names = (("left", "right"), ("up", "down"))[axis]
    along = across & (path.abs().amax(1) > 1e-9)
    return {
        names[0]: along & steady & (start > 0),
        names[1]: along & steady & (start < 0),
        f"{names[0]}, then {names[1]}": along & ~steady & (middle < start),
        f"{names[1]}, then {names[0]}": along & ~steady & (middle > start),
    }


def _band(panel: Any, lines: np.ndarray, **style: Any) -> None:
    """Mean over lines (n f), and one standard deviation around it."""
    mean, spread = lines.mean(0), lines.std(0)
    panel.plot(mean, **style)
    low, high = mean - spread, mean + spread
    panel.fill_between(range(len(mean)), low, high, color=style["color"], alpha=0.15, linewidth=0)
