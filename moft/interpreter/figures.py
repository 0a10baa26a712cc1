"""Numbers → figures that one would print. Each function returns a matplotlib figure; nothing here runs a model.

Colours are Okabe and Ito's, told apart by colour-blind readers, and never the only mark. Figures have a white ground of their
own, so they read the same on a light and on a dark page. Panels that are compared share their scale.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from moft.interpreter.numbers import Pans, Plane
    from moft.interpreter.sweep import Cell, Share

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#7F7F7F", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("<", ">", "^", "v", "o")  # left, right, up, down, still, as `moft.known.pans.WAYS`
NAMES = {"vanilla": "vanilla", "ccr": "CCR", "moft": "CCR + MCF (MOFT)", "dift": "DIFT"}
HEAT = "viridis"  # even in lightness, and legible to colour-blind readers
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
def _style() -> Iterator[Any]:
    import matplotlib

    with matplotlib.rc_context(_STYLE):
        yield matplotlib


def _figure(rows: int, columns: int, width: float, height: float, **kwargs: Any) -> tuple[Figure, Any]:
    """A figure without a window or global state, and its panels as an array (rows columns)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False, **kwargs)


def render(figure: Figure, kind: str) -> bytes:
    """The figure as "png" (150 dots an inch) or "svg"; the same figure gives the same bytes."""
    held = io.BytesIO()
    with _style():
        figure.savefig(
            held, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else {"Software": None}
        )
    return held.getvalue()


# ---------------------------------------------------------------- directions, channels, curves


def directions(planes: Mapping[str, Plane], ways: Sequence[str]) -> Figure:
    """Fig. 2: first-frame features of pans in the plane of their first two components, one panel a design."""
    with _style():
        figure, panels = _figure(1, len(planes), 3.6 * len(planes), 3.7)
        for panel, (design, plane) in zip(panels[0], planes.items(), strict=True):
            for i, way in enumerate(ways):
                at = plane.points[plane.way == i].numpy()
                panel.scatter(
                    *at.T,
                    s=26,
                    marker=MARKERS[i],
                    color=COLOURS[i],
                    edgecolor="white",
                    linewidth=0.4,
                    label=way,
                )
            panel.set_title(
                f"{NAMES[design]}\nseparability {plane.separability:.2f}, silhouette {plane.silhouette:+.2f}"
            )
            panel.set(xlabel="P1", ylabel="P2", aspect="equal", adjustable="datalim")
            panel.tick_params(labelsize=8)
        handles, labels = panels[0, 0].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside lower center", ncols=len(ways), title="the picture content goes"
        )
    return figure


def weights(first: np.ndarray, kept: Sequence[int]) -> Figure:
    """Fig. 3a: weights (2 c) of the first two components, largest of the two for each channel, the kept ones marked."""
    size = np.abs(first).max(0)
    with _style():
        figure, panels = _figure(1, 1, 6.4, 3.0)
        panel, edges, mark = (
            panels[0, 0],
            np.linspace(0, size.max() * 1.02, 33),
            np.isin(np.arange(len(size)), kept),
        )
        panel.hist(
            [size[~mark], size[mark]],
            edges,
            stacked=True,
            color=[COLOURS[4], COLOURS[1]],
            label=[f"other channels ({(~mark).sum()})", f"motion channels ({mark.sum()})"],
            edgecolor="white",
        )
        panel.set(xlabel="size of the weight in P1 or P2, the larger of the two", ylabel="channels")
        panel.legend()
    return figure


def curves(pans: Pans, motion_channel: int, other: int, axis: int, correlations: Sequence[float]) -> Figure:
    """Fig. 3b–d: CCR curves of a motion channel and of another over the frames, mean and spread over photographs and
    places, for pans along an axis that go steadily and that reverse, beside the true displacement."""
    groups = _paths_along(pans, axis)
    with _style():
        figure, panels = _figure(1, 3, 10.4, 3.2)
        for i, (name, mask) in enumerate(groups.items()):
            style = {"color": COLOURS[i], "linestyle": ("-", "-", "--", "--")[i], "label": name}
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
        handles, labels = panels[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def curves_at(
    timesteps: Mapping[int, Pans], channel: int, axis: int, correlations: Mapping[int, float]
) -> Figure:
    """Fig. 13: the same channel's curves at several timesteps, on one scale."""
    with _style():
        figure, panels = _figure(1, len(timesteps), 2.5 * len(timesteps) + 0.8, 3.1, sharey=True, sharex=True)
        for panel, (t, pans) in zip(panels[0], timesteps.items(), strict=True):
            for i, (name, mask) in enumerate(_paths_along(pans, axis).items()):
                _band(
                    panel,
                    pans.clean[mask][..., channel].numpy(),
                    color=COLOURS[i],
                    linestyle=("-", "-", "--", "--")[i],
                    label=name,
                )
            panel.set(title=f"t = {t}, r = {correlations[t]:+.2f}", xlabel="frame")
            panel.axhline(0, color="#999999", linewidth=0.6)
        panels[0, 0].set_ylabel(f"channel {channel}")
        handles, labels = panels[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def _paths_along(pans: Pans, axis: int) -> dict[str, Any]:
    """Which pans go the one and the other way along an axis, and which reverse."""
    import torch

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
    panel.fill_between(
        range(len(mean)), mean - spread, mean + spread, color=style["color"], alpha=0.15, linewidth=0
    )


# ---------------------------------------------------------------- heat maps


def heat_maps(
    source: np.ndarray,
    point: Sequence[float],
    rows: Mapping[str, Sequence[np.ndarray]],
    targets: Mapping[str, np.ndarray],
    flows: Sequence[np.ndarray] | None,
    numbers: Mapping[str, Sequence[float | None]],
    share: bool = True,
) -> Figure:
    """Fig. 4, 6: similarity to the point (x, y, frame) in the source, one row a design, layer, or timestep, one column a
    target clip. All panels share the scale −1…1.

    Args:
        source: uint8 (h w 3), the frame with the point. rows: name → one map (h w) a target. targets: name → uint8 (h w 3).
        flows: (h w 2) of each target, drawn in the corner of its picture. numbers: name → AUC against that flow.
    """
    count = len(targets)
    with _style():
        figure, panels = _figure(
            len(rows) + 1, count + 1, 1.75 * (count + 1) + 0.6, 1.72 * (len(rows) + 1) + 0.5
        )
        _picture(panels[0, 0], source, "source and point")
        _cross(panels[0, 0], point)
        reach = max([float(np.linalg.norm(flow, axis=-1).max()) for flow in flows or ()], default=1.0) or 1.0
        for column, (name, picture) in enumerate(targets.items(), 1):
            _picture(panels[0, column], picture, _short(name))
            if flows is not None:
                inset = panels[0, column].inset_axes((0.62, 0.02, 0.36, 0.36))
                _picture(inset, flow_picture(flows[column - 1], reach))
                inset.patch.set_edgecolor("white")
        for line, (name, maps) in enumerate(rows.items(), 1):
            panels[line, 0].axis("off")
            panels[line, 0].text(
                0.96, 0.5, NAMES.get(name, name).replace(" ", "\n", 1), ha="right", va="center", wrap=True
            )
            for column, found in enumerate(maps, 1):
                image = panels[line, column].imshow(
                    found, vmin=-1, vmax=1, cmap=HEAT, interpolation="nearest"
                )
                auc = numbers[name][column - 1]
                _bare(panels[line, column], "AUC –" if auc is None else f"AUC {auc:.2f}")
        figure.colorbar(
            image, ax=panels, label="cosine similarity to the point", shrink=0.5, aspect=30, pad=0.02
        )
    return figure


def heat_frames(
    source: np.ndarray,
    point: Sequence[float],
    target: np.ndarray,
    maps: Mapping[str, np.ndarray],
    height: int = 192,
) -> np.ndarray:
    """Fig. 4 as a clip: the source, the target, and each map over the target's frames; uint8 (f height w 3).

    Args:
        source, target: uint8 (f h w 3); maps: name → (f' h' w') in −1…1, spread over the target's frames.
    """
    import cv2
    from matplotlib import colormaps

    side, frames = height - 18, len(target)

    def enlarge(picture: np.ndarray, how: int) -> np.ndarray:
        return cv2.resize(
            picture, (round(picture.shape[1] * side / picture.shape[0]), side), interpolation=how
        )

    clips = []
    for f in range(frames):
        left = enlarge(source[min(f, len(source) - 1)], cv2.INTER_NEAREST)
        scale = side / source.shape[1]
        cv2.drawMarker(
            left, (round(point[0] * scale), round(point[1] * scale)), (255, 255, 255), cv2.MARKER_CROSS, 18, 5
        )
        cv2.drawMarker(
            left, (round(point[0] * scale), round(point[1] * scale)), (213, 0, 60), cv2.MARKER_CROSS, 16, 2
        )
        parts = [_titled(left, "source"), _titled(enlarge(target[f], cv2.INTER_NEAREST), "target")]
        for name, found in maps.items():
            at = found[round(f * (len(found) - 1) / max(frames - 1, 1))]
            colour = (colormaps[HEAT]((at + 1) / 2)[..., :3] * 255).astype(np.uint8)
            square = cv2.resize(colour, parts[1].shape[1::-1], interpolation=cv2.INTER_NEAREST)[: -18 or None]
            parts.append(_titled(square, NAMES.get(name, name)))
        clips.append(np.concatenate(parts, 1))
    return np.stack(clips)


def _titled(picture: np.ndarray, title: str) -> np.ndarray:
    import cv2

    band = np.full((18, picture.shape[1], 3), 255, np.uint8)
    cv2.putText(band, title, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    whole = np.concatenate([band, picture])
    return np.pad(whole, ((0, 0), (0, 4), (0, 0)), constant_values=255)


# ---------------------------------------------------------------- flow


def flow_picture(flow: np.ndarray, reach: float) -> np.ndarray:
    """Flow (h w 2) as colour, uint8 (h w 3): the hue says where it goes, white stands still, full colour is `reach` px.

    Hues run evenly in lightness (matplotlib's "twilight" would not name direction): light and dark carry no meaning."""
    import cv2

    angle = (np.degrees(np.arctan2(flow[..., 1], flow[..., 0])) % 360).astype(np.float32)
    strength = np.clip(np.linalg.norm(flow, axis=-1) / max(reach, 1e-9), 0, 1).astype(np.float32)
    turn = np.radians(angle + 40)
    lab = np.stack(
        [96 - 30 * strength, 62 * strength * np.cos(turn), 62 * strength * np.sin(turn)], -1
    ).astype(np.float32)
    return (cv2.cvtColor(lab, cv2.COLOR_LAB2RGB).clip(0, 1) * 255).round().astype(np.uint8)


def motion_maps(
    pictures: Mapping[str, np.ndarray],
    columns: Mapping[str, Sequence[np.ndarray]],
    notes: Sequence[str],
    unit: str = "px a frame",
) -> Figure:
    """The per-pixel motion map, drawn like optical flow with arrows, one row a clip; all panels share one scale.

    Args:
        pictures: name → uint8 (h w 3); columns: title → one flow (h w 2) a clip; notes: what was scored, one a clip.
    """
    reach = (
        max(
            float(np.quantile(np.linalg.norm(flow, axis=-1), 0.98))
            for flows in columns.values()
            for flow in flows
        )
        or 1.0
    )
    rows = len(pictures)
    with _style():
        figure, panels = _figure(
            rows + 1,
            len(columns) + 2,
            1.95 * (len(columns) + 2),
            1.9 * rows + 1.7,
            height_ratios=[1] * rows + [0.62],
        )
        for line, (name, picture) in enumerate(pictures.items()):
            _picture(panels[line, 0], picture, _short(name))
            for column, (title, flows) in enumerate(columns.items(), 1):
                panel = panels[line, column]
                _picture(panel, flow_picture(flows[line], reach), title)
                _arrows(panel, flows[line], reach)
            panels[line, -1].axis("off")
            panels[line, -1].text(0, 0.5, notes[line], va="center", fontsize=9)
        for panel in panels[-1]:
            panel.axis("off")
        _wheel(panels[-1, 1])
        panels[-1, 2].text(
            0, 0.5, f"hue: where it goes\nrim: {reach:.1f} {unit}\nor more", va="center", fontsize=8
        )
    return figure


def _arrows(panel: Any, flow: np.ndarray, reach: float, count: int = 8) -> None:
    h, w = flow.shape[:2]
    y, x = np.meshgrid(*(((np.arange(count) + 0.5) * n / count).astype(int) for n in (h, w)), indexing="ij")
    panel.quiver(
        x,
        y,
        flow[y, x, 0],
        flow[y, x, 1],
        angles="xy",
        scale_units="xy",
        scale=reach / (min(h, w) / count),
        width=0.012,
        color="#222222",
    )


def _wheel(panel: Any) -> None:
    y, x = np.meshgrid(*[np.linspace(-1, 1, 81)] * 2, indexing="ij")
    flow = np.stack([x, y], -1)
    picture = np.where((np.hypot(x, y) <= 1)[..., None], flow_picture(flow, 1.0), 255)
    _picture(panel, picture.astype(np.uint8))


# ---------------------------------------------------------------- sweeps


def sweep_table(cells: Sequence[Cell], design: str = "moft") -> Figure:
    """AUC of every layer (rows, as they run) at every timestep (columns); the best is framed."""
    from matplotlib.patches import Rectangle

    layers = list(dict.fromkeys(cell.layer for cell in cells))
    times = sorted({cell.timestep for cell in cells})
    table = np.full((len(layers), len(times)), np.nan)
    for cell in cells:
        value = cell.auc[design]
        table[layers.index(cell.layer), times.index(cell.timestep)] = np.nan if value is None else value
    with _style():
        figure, panels = _figure(1, 1, 1.0 * len(times) + 4.2, 0.36 * len(layers) + 1.4)
        panel = panels[0, 0]
        image = panel.imshow(table, vmin=0.5, vmax=1, cmap=HEAT, aspect="auto")
        for (row, column), value in np.ndenumerate(table):
            dark = value < 0.8
            panel.text(
                column,
                row,
                f"{value:.2f}",
                ha="center",
                va="center",
                color="white" if dark else "black",
                fontsize=9,
            )
        row, column = np.unravel_index(np.nanargmax(table), table.shape)
        panel.add_patch(
            Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=COLOURS[1], linewidth=3)
        )
        panel.set_xticks(range(len(times)), [str(t) for t in times])
        panel.set_yticks(range(len(layers)), layers)
        panel.set(xlabel="timestep", title=f"AUC of {NAMES[design]}, the best framed")
        figure.colorbar(image, ax=panel, label="0.5 is chance")
    return figure


def shares(rows: Sequence[Share]) -> Figure:
    """Table 4's x axis: separability and AUC over the share of channels kept."""
    with _style():
        figure, panels = _figure(1, 1, 6.0, 3.2)
        panel, x = (
            panels[0, 0],
            [100 * row.channels / max(r.channels / r.share for r in rows[:1]) for row in rows],
        )
        for i, name in enumerate(("separability", "auc")):
            values = [np.nan if (v := getattr(row, name)) is None else v for row in rows]
            panel.plot(
                x, values, marker="os"[i], color=COLOURS[i], label=("separability", "AUC, object clips")[i]
            )
        panel.set(xscale="log", xlabel="channels kept, %", ylim=(min(0.45, panel.get_ylim()[0]), 1.02))
        panel.set_xticks(x, [f"{value:.3g}\n({row.channels})" for value, row in zip(x, rows, strict=True)])
        panel.minorticks_off()
        panel.grid(axis="y", alpha=0.3)
        panel.legend()
    return figure


def scores(auc: Mapping[str, float | None], correlation: Mapping[str, float | None]) -> Figure:
    """How well similarity predicts "moves the same way", one bar a design."""
    with _style():
        figure, panels = _figure(1, 2, 7.4, 2.5, sharey=True)
        for panel, values, title, low in zip(
            panels[0],
            (auc, correlation),
            ("ROC-AUC (0.5 is chance)", "correlation with the direction cosine"),
            (0.5, 0.0),
            strict=True,
        ):
            for i, value in enumerate(values.values()):
                size = low if value is None else value
                panel.barh(i, size - low, left=low, color=COLOURS[i])
                panel.text(max(size, low) + 0.01, i, "–" if value is None else f"{value:.3f}", va="center")
            panel.set(title=title, xlim=(low if low else min(0.0, *(v or 0 for v in values.values())), 1.12))
            panel.set_yticks(range(len(values)), [NAMES[name] for name in values])
        panels[0, 0].invert_yaxis()
    return figure


# ---------------------------------------------------------------- benchmarks


def means(rows: Mapping[str, Sequence[float]], label: str) -> Figure:
    """A mean and the ends of its confidence interval a row, the first on top."""
    with _style():
        figure, panels = _figure(1, 1, 6.4, 0.34 * len(rows) + 0.9)
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
    """Table 4: a mean and the ends of its confidence interval over the share of channels kept, in 0…1, a line each."""
    with _style():
        figure, panels = _figure(1, 1, 6.4, 3.2)
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
    with _style():
        figure, panels = _figure(1, len(rows), 2.6 * len(rows), 2.6, sharey=True)
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


# ---------------------------------------------------------------- pieces


def _bare(panel: Any, title: str = "") -> None:
    panel.set_xticks([])
    panel.set_yticks([])
    for spine in panel.spines.values():
        spine.set_visible(False)
    if title:
        panel.set_title(title, fontsize=9)


def _picture(panel: Any, picture: np.ndarray, title: str = "") -> None:
    panel.imshow(picture, interpolation="nearest")
    _bare(panel, title)


def _cross(panel: Any, point: Sequence[float]) -> None:
    panel.plot(
        point[0],
        point[1],
        "o",
        markersize=9,
        markerfacecolor="none",
        markeredgecolor="white",
        markeredgewidth=3.5,
    )
    panel.plot(
        point[0],
        point[1],
        "o",
        markersize=9,
        markerfacecolor="none",
        markeredgecolor="#D5003C",
        markeredgewidth=1.8,
    )


def _short(name: str) -> str:
    stem = Path(name).name
    return stem if len(stem) <= 22 else stem[:10] + "…" + stem[-10:]
