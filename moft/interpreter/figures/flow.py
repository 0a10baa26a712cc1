"""Flow as colour: the hue says where it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from moft.interpreter.figures.style import new_figure, short_name, show_picture, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def flow_picture(flow: np.ndarray, reach: float) -> np.ndarray:
    """Flow (h w 2) as colour, uint8 (h w 3): the hue says where it goes, white stands still, full colour is
    `reach` px.

    Hues run evenly in lightness (matplotlib's "twilight" would not name direction): light and dark carry no
    meaning.
    """
    import cv2

    angle = (np.degrees(np.arctan2(flow[..., 1], flow[..., 0])) % 360).astype(np.float32)
    strength = np.clip(np.linalg.norm(flow, axis=-1) / max(reach, 1e-9), 0, 1).astype(np.float32)
    turn = np.radians(angle + 40)
    lab = np.stack([96 - 30 * strength, 62 * strength * np.cos(turn), 62 * strength * np.sin(turn)], -1)
    rgb = cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_LAB2RGB)
    return (rgb.clip(0, 1) * 255).round().astype(np.uint8)


def draw_motion_maps(
    pictures: Mapping[str, np.ndarray], columns: Mapping[str, Sequence[np.ndarray]], notes: Sequence[str]
) -> Figure:
    """The per-pixel motion map, drawn like optical flow with arrows, one row a clip; all panels share one
    scale.

    Args:
        pictures: name → uint8 (h w 3).
        columns: title → one flow (h w 2) a clip, px a frame.
        notes: what was scored, one a clip.
    """
    speeds = [np.linalg.norm(flow, axis=-1) for flows in columns.values() for flow in flows]
    reach = max(float(np.quantile(speed, 0.98)) for speed in speeds) or 1.0
    rows, across = len(pictures), len(columns) + 2
    with styled():
        figure, panels = new_figure(
            rows + 1, across, 1.95 * across, 1.9 * rows + 1.7, height_ratios=[1] * rows + [0.62]
        )
        for line, (name, picture) in enumerate(pictures.items()):
            show_picture(panels[line, 0], picture, short_name(name))
            for panel, (title, flows) in zip(panels[line, 1:], columns.items(), strict=False):
                show_picture(panel, flow_picture(flows[line], reach), title)
                _arrows(panel, flows[line], reach)
            panels[line, -1].axis("off")
            panels[line, -1].text(0, 0.5, notes[line], va="center", fontsize=9)
        for panel in panels[-1]:
            panel.axis("off")
        _wheel(panels[-1, 1])
        key = f"hue: where it goes\nrim: {reach:.1f} px a frame\nor more"
        panels[-1, 2].text(0, 0.5, key, va="center", fontsize=8)
    return figure


def _arrows(panel: Any, flow: np.ndarray, reach: float, count: int = 8) -> None:
    """Arrows over a flow (h w 2), as many down as across; one of `reach` px is as long as their distance."""
    h, w = flow.shape[:2]
    y, x = np.meshgrid(*(((np.arange(count) + 0.5) * n / count).astype(int) for n in (h, w)), indexing="ij")
    panel.quiver(
        x,
        y,
        *np.moveaxis(flow[y, x], -1, 0),
        angles="xy",
        scale_units="xy",
        scale=reach / (min(h, w) / count),
        width=0.012,
        color="#222222",
    )


def _wheel(panel: Any) -> None:
    """The key to the colours: a disc whose every place goes away from the middle."""
    y, x = np.meshgrid(*[np.linspace(-1, 1, 81)] * 2, indexing="ij")
    flow = np.stack([x, y], -1)
    picture = np.where((np.hypot(x, y) <= 1)[..., None], flow_picture(flow, 1.0), 255)
    show_picture(panel, picture.astype(np.uint8))
