"""What a report shows: its sections, each with its figures and the numbers behind them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from moft.interpreter.directions import curve_correlations
from moft.interpreter.figures.choices import draw_scores, draw_shares, draw_sweep
from moft.interpreter.figures.flow import draw_motion_maps
from moft.interpreter.figures.heat import draw_heat_maps, heat_frames
from moft.interpreter.figures.pans import draw_curves, draw_curves_at, draw_directions, draw_weights
from moft.interpreter.figures.style import NAMES
from moft.interpreter.heat import VIEW
from moft.interpreter.page import Page
from moft.interpreter.reading import Reading
from moft.interpreter.scores import Findings, Scores
from moft.interpreter.similarity import DESIGNS
from moft.interpreter.sweep import Sweep
from moft.interpreter.viewpoint import Viewpoint
from moft.known.pans import WAYS
from moft.media.tensors import save_tensors

_MOST_CLIPS = 6  # in one figure of heat maps


def write_report(page: Page, findings: Findings) -> None:
    """Every section and file of a report."""
    viewpoint, scores, readings = findings.viewpoint, findings.scores, findings.readings
    _likeness(page, scores)
    _directions(page, viewpoint, scores)
    _curves(page, viewpoint, scores)
    _maps(page, viewpoint, scores, readings)
    _motion(page, scores, readings)
    _choices(page, scores)
    if findings.sweep:
        _sweep(page, findings.sweep)


# ---------------------------------------------------------------- held-out clips


def _likeness(page: Page, scores: Scores) -> None:
    """Similarity against what moves the same way."""
    first = ", ".join(f"{NAMES[name]} {_number(score.auc)}" for name, score in scores.first_frame.items())
    section = page.section(
        "Does similarity tell what moves the same way?",
        "Places of different clips are compared: textures and objects that move on their own, never "
        "trained on, whose flow is known exactly. ROC-AUC: how often a place that goes the same way as the "
        "source (within 45 degrees, both moving) is more similar to it than one that does not. Whole "
        f"curves over the frames are compared; of the first frame alone the AUC is {first}.",
    )
    auc = {name: score.auc for name, score in scores.agreement.items()}
    correlation = {name: score.correlation for name, score in scores.agreement.items()}
    page.figure("scores", draw_scores(auc, correlation), "AUC and correlation of each design")
    section.table = [["", "ROC-AUC", "correlation", "separability", "silhouette"]] + [
        [
            NAMES[name],
            _number(auc[name]),
            _number(correlation[name]),
            f"{scores.planes[name].separability:.3f}",
            f"{scores.planes[name].silhouette:+.3f}",
        ]
        for name in DESIGNS
    ]


def _directions(page: Page, viewpoint: Viewpoint, scores: Scores) -> None:
    """Pans in the plane of two components, and the channels that span it."""
    page.section(
        "Which way does a picture pan?",
        "First-frame features of held-out photographs that pan in four ways or stand still, in the plane "
        "of their first two principal components (paper, Fig. 2). Separability: nearest centroid among the "
        "five ways, each photograph judged by the centroids of the others; 0.2 is chance.",
    )
    says = "pans in the plane of two components, per design"
    page.figure("directions", draw_directions(scores.planes, WAYS), says)
    rows = (
        (name, int(plane.photo[i]), WAYS[int(plane.way[i])], *plane.points[i].tolist())
        for name, plane in scores.planes.items()
        for i in range(len(plane.points))
    )
    page.data("directions", ("design", "photograph", "way", "p1", "p2"), rows)
    weights, kept = scores.planes["ccr"].weights, viewpoint.statistics.channels.tolist()
    page.section(
        "Which channels carry it?",
        "Weights of the channels in the first two components of CCR features (paper, Fig. 3a).",
    )
    page.figure("weights", draw_weights(weights.numpy(), kept), "histogram of component weights")
    channels = ((k, *weights[:, k].tolist(), k in kept) for k in range(weights.shape[1]))
    page.data("weights", ("channel", "p1", "p2", "motion_channel"), channels)


def _curves(page: Page, viewpoint: Viewpoint, scores: Scores) -> None:
    """Channels over the frames of pans."""
    pans, best = scores.pans[viewpoint.layer], scores.best
    table = curve_correlations(pans)
    other = _least_moving(table, viewpoint.statistics.channels.tolist())
    page.section(
        "Do motion channels follow the displacement?",
        "Curves over the frames of pans of held-out photographs, mean and one standard deviation (paper, "
        f"Fig. 3b-d). The best motion channel, {best.channel}, correlates with the true displacement along "
        f"{'xy'[best.axis]} by {abs(best.correlation):.3f} (chosen on other photographs; pans that reverse "
        "are included).",
    )
    pair = [float(table[channel, best.axis]) for channel in (best.channel, other)]
    drawn = draw_curves(pans, best.channel, other, best.axis, pair)
    page.figure("curves", drawn, "curves of two channels over the frames")
    page.section(
        "Across timesteps", "The same channel from little noise to much (paper, Fig. 13), on one scale."
    )
    at = {t: float(curve_correlations(p)[best.channel, best.axis]) for t, p in scores.pans_at.items()}
    drawn = draw_curves_at(scores.pans_at, best.channel, best.axis, at)
    page.figure("curves_timesteps", drawn, "curves at several timesteps")
    _curve_data(page, viewpoint, scores, other)


def _least_moving(table: torch.Tensor, kept: Sequence[int]) -> int:
    """The channel that follows no displacement, by correlations (c 2); none of the motion channels, if there
    is another."""
    size = table.abs().amax(1)
    rest = torch.tensor([channel not in kept for channel in range(len(table))])
    return int((size.masked_fill(~rest, 2) if rest.any() else size).argmin())


def _curve_data(page: Page, viewpoint: Viewpoint, scores: Scores, other: int) -> None:
    """The curves as rows, and the pooled features that they are from."""
    own, best = scores.pans[viewpoint.layer], scores.best.channel
    rows = (
        (t, i, str(motion), f, *path[i][f], float(clean[i, f, best]), float(clean[i, f, other]))
        for t, pans in {viewpoint.timestep: own, **scores.pans_at}.items()
        for path, clean in [(pans.path.tolist(), pans.clean)]
        for i, motion in enumerate(pans.motions)
        for f in range(clean.shape[1])
    )
    head = ("timestep", "clip", "motion", "frame", "true_x", "true_y", f"channel_{best}", f"channel_{other}")
    page.data("curves", head, rows)
    save_tensors(
        page.folder / "data" / "pans.safetensors",
        {f"{name}.feature": pans.feature for name, pans in scores.pans.items()} | {"path": own.path},
        {"kind": "moft pans", "layers": list(viewpoint.layers), "timestep": viewpoint.timestep},
    )


# ---------------------------------------------------------------- the clips that were read


def _maps(page: Page, viewpoint: Viewpoint, scores: Scores, readings: Sequence[Reading]) -> None:
    """What is like the point: by designs, layers and timesteps."""
    source, few = readings[0].source, readings[:_MOST_CLIPS]
    (x, y, f), (dx, dy) = source.point, source.velocity.tolist()
    still = "" if source.moves else " The point hardly moves, so there is no AUC."
    page.section(
        "What moves like this point?",
        f"The point ({x:g}, {y:g}) of frame {f:g} in {Path(source.clip.name).name}, which goes by "
        f"({dx:+.2f}, {dy:+.2f}) px a frame there, against every place of each clip (paper, Fig. 4). In the "
        "corner the clip's flow (exact where it is known, else DIS); AUC of each map is against that flow; "
        f"there is none where a tenth or less goes another way, or its way.{still}",
    )
    designs = {name: f"design/{name}" for name in (*DESIGNS, "dift")}
    _heat(page, "designs", few, designs, "similarity maps of each design")
    for i, reading in enumerate(few, 1):
        maps = {name: reading.maps[view].numpy() for name, view in designs.items()}
        frames = heat_frames(source.clip.video, source.point, reading.clip.video, maps)
        says = f"{i}: {Path(reading.clip.name).name}, frame by frame; one scale of colour"
        page.video(f"heat_{i}", frames, says)
    page.section(
        "Across layers",
        "MOFT of each layer in the order in which they run, each with motion channels of its own.",
    )
    blocks = [name for name in viewpoint.layers if "motion_modules" not in name or name == viewpoint.layer]
    _heat(page, "layers", few, {name: f"layer/{name}" for name in blocks}, "similarity maps of each layer")
    page.section(
        "MOFT beside DIFT across timesteps",
        f"MOFT is to tell motion, DIFT (plain features of {viewpoint.content_layer}) what is where (paper, "
        "Fig. 6).",
    )
    both = {f"{kind.upper()} t={t}": f"time/{kind}/{t}" for t in scores.pans_at for kind in ("moft", "dift")}
    _heat(page, "timesteps", few, both, "similarity maps of MOFT and DIFT at several timesteps")
    _models(page, viewpoint, few)
    rows = ((reading.clip.name, *row) for reading in readings for row in reading.aucs.items())
    page.data("maps", ("clip", "view", "auc"), rows)


def _models(page: Page, viewpoint: Viewpoint, few: Sequence[Reading]) -> None:
    """What other models make of the same point, if there are any."""
    others = {view.removeprefix(VIEW): view for view in few[0].maps if view.startswith(VIEW)}
    if not others:
        return
    own = Path(viewpoint.model.name).name
    said = "; ".join([f"{own}, {viewpoint.layer}", *others])
    page.section(
        "Across models",
        "MOFT of each model at the layer and timestep where it is looked into, and at its own size "
        f"(paper, Fig. 4 i-l): {said}. AUC is against the same flow.",
    )
    views = {own: "design/moft"} | {name.partition(",")[0]: view for name, view in others.items()}
    _heat(page, "models", few, views, "similarity maps of each model")


def _heat(page: Page, name: str, readings: Sequence[Reading], views: Mapping[str, str], says: str) -> None:
    """One figure of stills: a row a view, by its title; a column a clip."""
    source, frame = readings[0].source, int(readings[0].source.point[2])
    drawn = draw_heat_maps(
        source.clip.video[frame],
        source.point,
        {title: reading.clip.video[frame] for title, reading in _titled(readings).items()},
        [reading.clip.flow[frame] for reading in readings],
        {title: [reading.still(view).numpy() for reading in readings] for title, view in views.items()},
        {title: [reading.aucs[view] for reading in readings] for title, view in views.items()},
    )
    page.figure(name, drawn, says)


def _titled(readings: Sequence[Reading]) -> dict[str, Reading]:
    """Readings by number and name of file."""
    return {f"{i}: {Path(reading.clip.name).name}": reading for i, reading in enumerate(readings, 1)}


def _motion(page: Page, scores: Scores, readings: Sequence[Reading]) -> None:
    """The motion of every pixel, beside optical flow."""
    score, panned = scores.readout, scores.readout_pans.whole
    by = ", ".join(f"{band} px: {value:.2f}" for band, value in score.by_speed.items())
    edges = ""
    if len(score.by_edge) > 1:
        near, away = score.by_edge["near"], score.by_edge["away"]
        edges = f"; within 6 px of another motion {near:.2f}, elsewhere {away:.2f} px"
    page.section(
        "Where is the motion?",
        "Motion read from the MOFT of every cell by a linear read-out, in px a frame, drawn like optical "
        "flow: once of the clip as it is, then of the clip held still along each of four velocities that "
        "were found; each pixel takes what moves least. On held-out object clips against exact flow: "
        f"direction cosine {_number(score.whole.direction_cosine)}, end-point error "
        f"{score.whole.epe_px:.2f} px (median {score.whole.epe_median_px:.2f}; saying zero everywhere "
        f"{score.whole.zero_epe_px:.2f}; perfect cells, enlarged, {score.perfect_cells:.2f}; read once "
        f"{score.read_once.epe_px:.2f}). Error by true speed at 64 px: {by}{edges}. On panned held-out "
        f"photographs: cosine {_number(panned.direction_cosine)}, error {panned.epe_px:.2f} px.",
    )
    middle, clips = readings[0].clip.size.frames // 2, [reading.clip for reading in readings]
    pictures = {title: reading.clip.video[middle] for title, reading in _titled(readings).items()}
    columns = {
        "read-out": [reading.flow[middle].numpy() for reading in readings],
        "flow": [clip.flow[middle] for clip in clips],
    }
    drawn = draw_motion_maps(pictures, columns, [_motion_note(reading) for reading in readings])
    page.figure("motion_maps", drawn, "motion maps beside optical flow")


def _motion_note(reading: Reading) -> str:
    """How far the motion of a clip is from its flow."""
    score = reading.motion
    return (
        f"against {reading.clip.flow_origin}:\ncosine {_number(score.direction_cosine)}\nend-point error\n"
        f"{score.epe_px:.2f} px (zero: {score.zero_epe_px:.2f})"
    )


# ---------------------------------------------------------------- to choose by


def _choices(page: Page, scores: Scores) -> None:
    """Numbers of channels, and layers."""
    page.section(
        "How many channels?",
        "Separability of held-out pans and AUC of held-out object clips over the share of channels kept "
        "(the x axis of the paper's Table 4).",
    )
    page.figure("shares", draw_shares(scores.shares), "separability and AUC over the kept share")
    rows = (dataclasses.astuple(row) for row in scores.shares)
    page.data("shares", ("share", "channels", "separability", "auc"), rows)
    section = page.section("Layers", "Separability in the P1/P2 plane of each layer at the timestep read.")
    section.table = [["layer", "vanilla", "CCR"]] + [
        [name, *(f"{separable[design]:.2f}" for design in ("vanilla", "ccr"))]
        for name, separable in scores.layers.items()
    ]


def _sweep(page: Page, sweep: Sweep) -> None:
    """Layers over timesteps."""
    best = sweep.best
    page.section(
        "Which layer, which timestep?",
        f"On textures and photographs to choose by, not those of the scores: {best.layer} at timestep "
        f"{best.timestep} is best (AUC {best.auc['moft']:.3f}).",
    )
    for design in DESIGNS:
        says = f"AUC of {design} over layers and timesteps"
        page.figure(f"sweep_{design}", draw_sweep(sweep.scores, design), says)
    head = (
        "layer",
        "timestep",
        *(f"auc_{design}" for design in DESIGNS),
        *(f"separability_{design}" for design in ("vanilla", "ccr")),
        "curve_correlation",
    )
    rows = (
        (row.layer, row.timestep, *row.auc.values(), *row.separability.values(), row.curve_correlation)
        for row in sweep.scores
    )
    page.data("sweep", head, rows)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
