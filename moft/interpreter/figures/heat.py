"""Heat maps: how alike each place of a clip is to one point, as a still and frame by frame."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from moft.interpreter.figures.flow import flow_picture
from moft.interpreter.figures.style import (
    HEAT,
    NAMES,
    bare,
    mark_point,
    new_figure,
    short_name,
    show_picture,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEW = 2  # targets, which are set side by side with their maps
ACROSS = 4  # maps then in a line
_BAND = 18  # px of the title over a picture in a clip


def draw_heat_maps(
    source: np.ndarray,
    point: Sequence[float],
    targets: Mapping[str, np.ndarray],
    flows: Sequence[np.ndarray],
    rows: Mapping[str, Sequence[np.ndarray]],
    aucs: Mapping[str, Sequence[float | None]],
) -> Figure:
    """Fig. 4, 6: similarity to the point (x, y, frame) in the source, one row a design, layer, or timestep,
    one column a target clip; of few targets side by side. All panels share the scale −1…1.

    Args:
        source: uint8 (h w 3), the frame with the point.
        targets: name → uint8 (h w 3).
        flows: (h w 2) of each target, px a frame, drawn in the corner of its picture.
        rows: name → one map (h w) a target.
        aucs: name → AUC of each map against that flow.
    """
    few = len(targets) <= FEW
    with styled():
        figure, panels, places = (
            _side_by_side(len(targets), len(rows)) if few else _below(len(targets), len(rows))
        )
        for panel in panels.flat:
            panel.axis("off")
        show_picture(panels[0, 0], source, "source and point")
        mark_point(panels[0, 0], point)
        _show_targets([line[0] for line in places], targets, flows)
        for row, (name, maps) in enumerate(rows.items(), 1):
            title = NAMES.get(name, name).replace(" ", "\n", 1)
            if not few:
                panels[row, 0].text(0.96, 0.5, title, ha="right", va="center", wrap=True)
            above = title.replace(".motion", ".\nmotion", 1) + "\n" if few else ""
            for line, similarity, auc in zip(places, maps, aucs[name], strict=True):
                image = _show_map(
                    line[row], similarity, above + ("AUC –" if auc is None else f"AUC {auc:.2f}")
                )
        _key(figure, image, panels)
    return figure


def _below(targets: int, rows: int) -> tuple[Figure, Any, Any]:
    """The figure, its panels, and those of each target: its picture, and its maps one below the other."""
    figure, panels = new_figure(rows + 1, targets + 1, 1.75 * (targets + 1) + 0.6, 1.72 * (rows + 1) + 0.5)
    return figure, panels, panels[:, 1:].T


def _side_by_side(targets: int, rows: int) -> tuple[Figure, Any, Any]:
    """The same, each target followed by its maps, as many in a line as there is room for."""
    across = min(rows, ACROSS)
    deep = math.ceil(rows / across)
    figure, panels = new_figure(
        deep * targets, across + 2, 1.75 * (across + 2) + 0.8, 2.1 * deep * targets + 0.3
    )
    lines = [panels[i * deep : (i + 1) * deep] for i in range(targets)]
    return figure, panels, [[line[0, 1], *line[:, 2:].flat] for line in lines]


def _show_map(panel: Any, similarity: np.ndarray, title: str) -> Any:
    panel.axis("on")
    image = panel.imshow(similarity, vmin=-1, vmax=1, cmap=HEAT, interpolation="nearest")
    bare(panel, title)
    return image


def _key(figure: Figure, image: Any, panels: Any) -> None:
    one = len(panels) == 1
    label = "cosine to the point" if one else "cosine similarity to the point"
    figure.colorbar(
        image, ax=panels, label=label, shrink=0.9 if one else 0.5, aspect=15 if one else 30, pad=0.02
    )


def _show_targets(panels: Any, targets: Mapping[str, np.ndarray], flows: Sequence[np.ndarray]) -> None:
    """The pictures, each with its flow in the corner; all flows share one scale."""
    reach = max([float(np.linalg.norm(flow, axis=-1).max()) for flow in flows], default=1.0) or 1.0
    for panel, (name, picture), flow in zip(panels, targets.items(), flows, strict=True):
        show_picture(panel, picture, short_name(name))
        inset = panel.inset_axes((0.62, 0.02, 0.36, 0.36))
        show_picture(inset, flow_picture(flow, reach))
        inset.patch.set_edgecolor("white")


def heat_frames(
    source: np.ndarray,
    point: Sequence[float],
    target: np.ndarray,
    maps: Mapping[str, np.ndarray],
    height: int = 192,
) -> np.ndarray:
    """Fig. 4 as a clip: the source, the target, and each map over the target's frames; uint8 (f height w 3).

    Args:
        source, target: uint8 (f h w 3).
        point: (x, y, …) px of the source.
        maps: name → (f' h' w') in −1…1, spread over the target's frames.
    """
    import cv2

    side, frames = height - _BAND, len(target)
    clips = []
    for f in range(frames):
        left = _enlarged(source[min(f, len(source) - 1)], side)
        scale = side / source.shape[1]
        at = (round(point[0] * scale), round(point[1] * scale))
        cv2.drawMarker(left, at, (255, 255, 255), cv2.MARKER_CROSS, 18, 5)
        cv2.drawMarker(left, at, (213, 0, 60), cv2.MARKER_CROSS, 16, 2)
        right = _enlarged(target[f], side)
        parts = [_titled(left, "source"), _titled(right, "target")]
        for name, similarity in maps.items():
            now = _coloured(similarity[round(f * (len(similarity) - 1) / max(frames - 1, 1))])
            over = cv2.resize(now, right.shape[1::-1], interpolation=cv2.INTER_NEAREST)
            parts.append(_titled(over, NAMES.get(name, name)))
        clips.append(np.concatenate(parts, 1))
    return np.stack(clips)


def _coloured(similarity: np.ndarray) -> np.ndarray:
    """Similarities (h w) in −1…1 as uint8 (h w 3)."""
    from matplotlib import colormaps

    return (colormaps[HEAT]((similarity + 1) / 2)[..., :3] * 255).astype(np.uint8)


def _enlarged(picture: np.ndarray, height: int) -> np.ndarray:
    """The picture at a height in px, its pixels still told apart."""
    import cv2

    width = round(picture.shape[1] * height / picture.shape[0])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_NEAREST)


def _titled(picture: np.ndarray, title: str) -> np.ndarray:
    """The picture under a band with its title, and with a gap to the right."""
    import cv2

    band = np.full((_BAND, picture.shape[1], 3), 255, np.uint8)
    cv2.putText(band, title, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    whole = np.concatenate([band, picture])
    return np.pad(whole, ((0, 0), (0, 4), (0, 0)), constant_values=255)
