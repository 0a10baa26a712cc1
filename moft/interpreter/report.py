"""The page and its figures: sections in the making, and what each of them shows. `report.html` is its frame."""

from __future__ import annotations

import base64
import csv
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from moft.interpreter import numbers as interpret
from moft.interpreter.clips import Clip
from moft.interpreter.numbers import DESIGNS, LEAST_SPEED
from moft.interpreter.reading import Reader, Source, Wanted, shown
from moft.interpreter.scores import Scores
from moft.interpreter.sweep import Cell
from moft.known.pans import WAYS
from moft.media.tensors import save_tensors


@dataclasses.dataclass
class Page:
    """A section of the report in the making."""

    title: str
    text: list[str]
    pictures: list[dict[str, str]] = dataclasses.field(default_factory=list)
    videos: list[dict[str, str]] = dataclasses.field(default_factory=list)
    table: list[list[str]] | None = None


class Report:
    """Collects sections and files in a passing folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.pages = folder, list[Page]()
        for name in ("figures", "data"):
            (folder / name).mkdir()

    def page(self, title: str, *text: str) -> Page:
        self.pages.append(Page(title, list(text)))
        return self.pages[-1]

    def picture(self, name: str, figure: Any, says: str) -> None:
        """A figure as PNG and SVG, and inlined into the current section; `says` is for those who cannot see it."""
        from moft.interpreter.figures import render

        for kind in ("svg", "png"):
            data = render(figure, kind)
            (self.folder / "figures" / f"{name}.{kind}").write_bytes(data)
        self.pages[-1].pictures.append({"data": base64.b64encode(data).decode(), "says": says})

    def video(self, name: str, frames: np.ndarray, says: str) -> None:
        from moft.media.video import write_video

        path = self.folder / "figures" / f"{name}.mp4"
        write_video(path, frames, fps=4)
        self.pages[-1].videos.append({"data": base64.b64encode(path.read_bytes()).decode(), "says": says})

    def rows(self, name: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """A CSV of raw data."""
        with open(self.folder / "data" / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(head)
            writer.writerows(rows)

    def html(self, title: str, facts: Mapping[str, str], notes: Sequence[str]) -> str:
        """The page. Everything in it is escaped: names of files are anybody's."""
        from jinja2 import Environment

        template = (Path(__file__).parent / "report.html").read_text(encoding="utf-8")
        page = Environment(autoescape=True).from_string(template)
        return page.render(title=title, facts=facts, notes=notes, sections=self.pages)


# ---------------------------------------------------------------- drawing


def draw(
    report: Report,
    read: Reader,
    scores: Scores,
    source: Source,
    clips: Sequence[Clip],
    seen: Sequence[dict[str, Tensor]],
    wanted: Wanted,
    record: dict[str, Any],
) -> None:
    """Every section and file of the report."""
    _draw_scores(report, scores, record)
    _draw_directions(report, read, scores)
    _draw_curves(report, read, scores, wanted)
    _draw_maps(report, read, source, clips, seen, wanted, record)
    _draw_motion(report, read, clips, seen, record)
    _draw_choices(report, scores, record)


def _draw_scores(report: Report, scores: Scores, record: dict[str, Any]) -> None:
    from moft.interpreter import figures

    values = scores.values
    page = report.page(
        "Does similarity tell what moves the same way?",
        "Places of different clips are compared: textures and objects that move on their own, never trained on, whose flow is known "
        "exactly. ROC-AUC: how often a place that goes the same way as the source (within 45 degrees, both moving) is more similar "
        "to it than one that does not. Whole curves over the frames are compared; of the first frame alone the AUC is "
        + ", ".join(f"{figures.NAMES[n]} {_number(v)}" for n, v in values["auc_first_frame"].items())
        + ".",
    )
    report.picture(
        "scores", figures.scores(values["auc"], values["correlation"]), "AUC and correlation of each design"
    )
    page.table = [["", "ROC-AUC", "correlation", "separability", "silhouette"]] + [
        [
            figures.NAMES[n],
            _number(values["auc"][n]),
            _number(values["correlation"][n]),
            f"{scores.planes[n].separability:.3f}",
            f"{scores.planes[n].silhouette:+.3f}",
        ]
        for n in DESIGNS
    ]


def _draw_directions(report: Report, read: Reader, scores: Scores) -> None:
    from moft.interpreter import figures

    report.page(
        "Which way does a picture pan?",
        "First-frame features of held-out photographs that pan in four ways or stand still, in the plane of their first two principal "
        "components (paper, Fig. 2). Separability: nearest centroid among the five ways, each photograph judged by the centroids "
        "of the others; 0.2 is chance.",
    )
    report.picture(
        "directions",
        figures.directions(scores.planes, WAYS),
        "pans in the plane of two components, per design",
    )
    rows = (
        (name, int(p.photo[i]), WAYS[int(p.way[i])], *p.points[i].tolist())
        for name, p in scores.planes.items()
        for i in range(len(p.points))
    )
    report.rows("directions", ("design", "photograph", "way", "p1", "p2"), rows)
    plane, kept = scores.planes["ccr"], read.statistics.channels.tolist()
    report.page(
        "Which channels carry it?",
        "Weights of the channels in the first two components of CCR features (paper, Fig. 3a).",
    )
    report.picture("weights", figures.weights(plane.weights.numpy(), kept), "histogram of component weights")
    rows = ((k, *plane.weights[:, k].tolist(), k in kept) for k in range(plane.weights.shape[1]))
    report.rows("weights", ("channel", "p1", "p2", "motion_channel"), rows)


def _draw_curves(report: Report, read: Reader, scores: Scores, wanted: Wanted) -> None:
    from moft.interpreter import figures

    found, best = scores.pans[read.layer], scores.best
    table = interpret.curve_correlations(found)
    rest = torch.tensor([k not in read.statistics.channels.tolist() for k in range(len(table))])
    other = (
        int(table.abs().amax(1).masked_fill(~rest, 2).argmin())
        if rest.any()
        else int(table.abs().amax(1).argmin())
    )
    report.page(
        "Do motion channels follow the displacement?",
        f"Curves over the frames of pans of held-out photographs, mean and one standard deviation (paper, Fig. 3b-d). The best motion "
        f"channel, {best.channel}, correlates with the true displacement along {'xy'[best.axis]} by {abs(best.correlation):.3f} (chosen "
        f"on other photographs; pans that reverse are included).",
    )
    pair = [float(table[k, best.axis]) for k in (best.channel, other)]
    report.picture(
        "curves",
        figures.curves(found, best.channel, other, best.axis, pair),
        "curves of two channels over the frames",
    )
    correlations = {
        t: float(interpret.curve_correlations(p)[best.channel, best.axis]) for t, p in scores.at.items()
    }
    report.page(
        "Across timesteps", "The same channel from little noise to much (paper, Fig. 13), on one scale."
    )
    report.picture(
        "curves_timesteps",
        figures.curves_at(scores.at, best.channel, best.axis, correlations),
        "curves at several timesteps",
    )
    rows = (
        (
            t,
            i,
            str(m),
            f,
            *p.path[i, f].tolist(),
            float(p.clean[i, f, best.channel]),
            float(p.clean[i, f, other]),
        )
        for t, p in {read.timestep: found, **scores.at}.items()
        for i, m in enumerate(p.motions)
        for f in range(p.path.shape[1])
    )
    report.rows(
        "curves",
        (
            "timestep",
            "clip",
            "motion",
            "frame",
            "true_x",
            "true_y",
            f"channel_{best.channel}",
            f"channel_{other}",
        ),
        rows,
    )
    save_tensors(
        report.folder / "data" / "pans.safetensors",
        {f"{name}.feature": p.feature for name, p in scores.pans.items()} | {"path": found.path},
        {"kind": "moft pans", "layers": list(read.layers), "timestep": read.timestep},
    )


def _draw_maps(
    report: Report,
    read: Reader,
    source: Source,
    clips: Sequence[Clip],
    seen: Sequence[dict[str, Tensor]],
    wanted: Wanted,
    record: dict[str, Any],
) -> None:
    from moft.interpreter import figures

    frame, limit = int(source.point[2]), 6  # clips in one figure
    few = list(range(min(len(clips), limit)))
    targets = {f"{i + 1}: {Path(clips[i].name).name}": clips[i].video[frame] for i in few}
    flows = [clips[i].flow[frame] for i in few]
    maps = [record["clips"][i]["maps"] for i in few]
    x, y, f = source.point
    still = (
        ""
        if float(source.velocity.norm()) >= LEAST_SPEED * read.size.side
        else " The point hardly moves, so there is no AUC."
    )

    def heat(name: str, views: Mapping[str, str], says: str) -> None:
        rows = {
            title: [seen[i][view][shown(seen[i][view], source, read.size.frames)[0]].numpy() for i in few]
            for title, view in views.items()
        }
        numbers = {title: [m[view] for m in maps] for title, view in views.items()}
        drawn = figures.heat_maps(source.clip.video[frame], source.point, rows, targets, flows, numbers)
        report.picture(name, drawn, says)

    report.page(
        "What moves like this point?",
        f"The point ({x:g}, {y:g}) of frame {f:g} in {Path(source.clip.name).name}, which goes by ({float(source.velocity[0]):+.2f}, "
        f"{float(source.velocity[1]):+.2f}) px a frame there, against every place of each clip (paper, Fig. 4). In the corner the clip's "
        f"flow (exact where it is known, else DIS); AUC of each map is against that flow; there is none where nothing or everything goes the same way.{still}",
    )
    heat(
        "designs",
        {**{n: f"design/{n}" for n in DESIGNS}, "dift": "design/dift"},
        "similarity maps of each design",
    )
    for i in few:
        views_ = {n: seen[i][f"design/{n}"].numpy() for n in (*DESIGNS, "dift")}
        frames = figures.heat_frames(source.clip.video, source.point, clips[i].video, views_)
        report.video(
            f"heat_{i + 1}",
            frames,
            f"{i + 1}: {Path(clips[i].name).name}, frame by frame; one scale of colour",
        )
    report.page(
        "Across layers",
        "MOFT of each layer in the order in which they run, each with motion channels of its own.",
    )
    blocks = [n for n in read.layers if "motion_modules" not in n or n == read.layer]
    heat("layers", {n: f"layer/{n}" for n in blocks}, "similarity maps of each layer")
    report.page(
        "MOFT beside DIFT across timesteps",
        f"MOFT is to tell motion, DIFT (plain features of {read.dift}) what is where (paper, Fig. 6).",
    )
    heat(
        "timesteps",
        {
            f"{n} t={t}": f"time/{k}/{t}"
            for t in wanted.timesteps
            for n, k in (("MOFT", "moft"), ("DIFT", "dift"))
        },
        "similarity maps of MOFT and DIFT at several timesteps",
    )
    rows = ((c["name"], view, auc) for c in record["clips"] for view, auc in c["maps"].items())
    report.rows("maps", ("clip", "view", "auc"), rows)


def _draw_motion(
    report: Report,
    read: Reader,
    clips: Sequence[Clip],
    seen: Sequence[dict[str, Tensor]],
    record: dict[str, Any],
) -> None:
    from moft.interpreter import figures

    middle = read.size.frames // 2
    found = [s["flow"] for s in seen]
    notes = []
    for clip in record["clips"]:
        m = clip["motion_map"]
        notes.append(
            f"against {clip['flow']}:\ncosine {_number(m['direction_cosine'])}\nend-point error\n{m['epe_px']:.2f} px "
            f"(zero: {m['zero_epe_px']:.2f})"
        )
    score = record["readout"]
    by = ", ".join(f"{name} px: {value:.2f}" for name, value in score["epe_px_by_speed"].items())
    parts = score["epe_px_by_edge"]
    edges = (
        f"; within 6 px of another motion {parts['near']:.2f}, elsewhere {parts['away']:.2f} px"
        if len(parts) > 1
        else ""
    )
    report.page(
        "Where is the motion?",
        f"Motion read from the MOFT of every cell by a linear read-out, in px a frame, drawn like optical flow: once of the clip as it is, then of "
        f"the clip held still along each of four velocities that were found; each pixel takes what moves least. On held-out object clips "
        f"against exact flow: direction cosine {_number(score['direction_cosine'])}, end-point error {score['epe_px']:.2f} px (median "
        f"{score['epe_median_px']:.2f}; saying zero everywhere {score['zero_epe_px']:.2f}; perfect cells, enlarged, "
        f"{score['epe_px_of_perfect_cells']:.2f}; read once {score['read_once']['epe_px']:.2f}). Error by true speed at 64 px: {by}{edges}. On panned held-out photographs: cosine "
        f"{_number(record['readout_pans']['direction_cosine'])}, error {record['readout_pans']['epe_px']:.2f} px.",
    )
    names = {f"{i + 1}: {Path(c.name).name}": c.video[middle] for i, c in enumerate(clips)}
    columns = {"read-out": [f[middle].numpy() for f in found], "flow": [c.flow[middle] for c in clips]}
    report.picture(
        "motion_maps", figures.motion_maps(names, columns, notes), "motion maps beside optical flow"
    )


def _draw_choices(report: Report, scores: Scores, record: dict[str, Any]) -> None:
    from moft.interpreter import figures

    report.page(
        "How many channels?",
        "Separability of held-out pans and AUC of held-out object clips over the share of channels kept (the x axis of the paper's Table 4).",
    )
    report.picture("shares", figures.shares(scores.shares), "separability and AUC over the kept share")
    report.rows(
        "shares",
        ("share", "channels", "separability", "auc"),
        (dataclasses.astuple(row) for row in scores.shares),
    )
    page = report.page("Layers", "Separability in the P1/P2 plane of each layer at the timestep read.")
    page.table = [["layer", "vanilla", "CCR"]] + [
        [name, *(f"{v[d]:.2f}" for d in ("vanilla", "ccr"))] for name, v in record["layers"].items()
    ]
    if "sweep" not in record:
        return
    best = record["sweep"]["best"]
    report.page(
        "Which layer, which timestep?",
        f"On textures and photographs to choose by, not those of the scores: {best['layer']} at timestep "
        f"{best['timestep']} is best (AUC {best['auc']:.3f}).",
    )
    cells = [Cell(**c, channels=torch.empty(0)) for c in record["sweep"]["cells"]]
    for design in DESIGNS:
        report.picture(
            f"sweep_{design}",
            figures.sweep_table(cells, design),
            f"AUC of {design} over layers and timesteps",
        )
    head = (
        "layer",
        "timestep",
        *(f"auc_{d}" for d in DESIGNS),
        *(f"separability_{d}" for d in ("vanilla", "ccr")),
        "curve_correlation",
    )
    rows = (
        (c.layer, c.timestep, *c.auc.values(), *c.separability.values(), c.curve_correlation) for c in cells
    )
    report.rows("sweep", head, rows)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
