"""Stored results as a page: tables, plots, and whether each bar was met. Runs nothing; the same results give the same page."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moft.bench import figures
from moft.bench.results import Record, difference, load
from moft.interpreter.figures.style import render
from moft.media.files import staging

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WAYS = {
    "plain": "no guidance",
    "smm": "SMM",
    "vanilla": "vanilla feature",
    "ccr": "CCR, all channels",
    "moft": "**CCR + MCF (MOFT)**",
    "synthesised": "**MOFT, synthesised**",
}
DIFFERS = {
    "plain": "",
    "smm": "all channels; differences of every two frames' means, of the whole frame",
    "vanilla": "all channels; the mean over frames is asked too",
    "ccr": "all channels",
    "moft": "the model's motion channels",
    "synthesised": "the same channels; no clip, the motion in words",
}
PAPER = {"smm": 70.2, "vanilla": 31.1, "ccr": 67.1, "moft": 82.5, "synthesised": 84.0}
PAPER_SHARES = {1.0: 67.5, 0.5: 70.5, 0.1: 82.7, 0.05: 83.2, 0.04: 84.0, 0.03: 83.6, 0.01: 76.3}
PEERS = {
    "moft": "**MOFT, from the clip**",
    "synthesised": "**MOFT, synthesised**",
    "smm": "DMT: space-time means",
    "motionclone": "MotionClone: attention over time",
    "sg_i2v": "SG-I2V: first frame's features",
    "flowmotion": "after FlowMotion: clean latents, no network gradient",
    "release": "MOFT as released: region means",
    "ditflow_moft": "MOFT as DiTFlow has it: cosine",
    "plain": "no guidance",
}
DRAGS = {"plain": "no guidance", "dift": "DIFT", "moft": "MOFT", "both": "**MOFT early, DIFT later**"}
DRAG_PAPER = {"dift": 0.437, "both": 0.175}
COSTS = {
    "steered": "steered, as it comes",
    "steered_saving": "steered, `save_memory`",
    "fused": "`fused`",
    "fused_saving": "`fused`, `save_memory`",
    "shared_kv": "keys and values of a recorded plain run shared",
    "release": "the release's scheme",
}
HEAD = """# Benchmarks

What `moft` claims, measured on the miniature: the paper's tables, other systems' objectives on the same model, and the cost. This page is
written from the results in [{folder}]({folder}) by `moft bench page`; each was made by the command beside it, and holds
seed, versions and every clip's scores. `moft bench --quick -o DIR` makes all of them small, in minutes.

The miniature is a small AnimateDiff that shows 8 frames of 64 x 64 px ([the miniature](lab/miniature.md)). Its figures compare ways of steering
with each other on one model; they do not stand beside figures of other models.

**Fidelity** is the paper's Eq. 5 and 6, their two halves averaged (`moft.metrics.fidelity.motion_fidelity`): 1, all moves as in the reference clip; about 0,
nothing to do with it. Tracks are chained optical flow with a forward-backward check. **Cosine** is that of the mean motions, **speed** the mean speed over
the reference's, **tracked** the share of the output's tracks that could be followed, **content** how far the named colours cover as much of the clip as in the plain
run of the same seed, **steadiness** VBench's consistency formula on thumbnails (no weights), **imaging** how good single frames look, by the judge
named below the table. In brackets: 95 % confidence intervals of the mean over clips (bootstrap).
"""


def write(results: Path, out: Path) -> Path:
    """The page at `out`, its figures beside the results; both whole. Raises MediaError if there are no results."""
    found = load(results)
    with staging(results) as aside:
        for name, figure in drawn(found).items():
            path = aside / f"{name}.svg"
            path.write_bytes(render(figure, "svg") + f"<!-- of {digest(found)} -->\n".encode())
            os.replace(path, results / path.name)
    with staging(out.parent) as aside:
        page = aside / out.name
        page.write_text(text(found, os.path.relpath(results, out.parent)), encoding="utf-8")
        os.replace(page, out)
    return out


def digest(found: Mapping[str, Record]) -> str:
    """Of all results together; a figure carries it, so that one can tell whether it is of these."""
    return hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()[:16]


def text(found: Mapping[str, Record], folder: str) -> str:
    """The page. folder: where results and figures lie, as seen from it."""
    parts = [HEAD.format(folder=folder), _bars(found)]
    for name, section in SECTIONS.items():
        if name in found:
            parts.append(section(found[name], folder))
    return "\n".join(parts)


# ---------------------------------------------------------------- bars


def _bars(found: Mapping[str, Record]) -> str:
    rows: list[Sequence[str]] = []
    if "features" in found:
        rows += _feature_bars(found["features"])
    if "peers" in found:
        rows.append(_peer_bar(found["peers"]))
    if "drag" in found:
        rows += _drag_bars(found["drag"])
    if "cost" in found:
        rows += _cost_bars(found["cost"])
    return "## In short\n\n" + _table(("what was hoped for", "found", ""), rows)


def _feature_bars(record: Record) -> list[Sequence[str]]:
    means, rows = record["summary"], record["rows"]

    def over(better: str, worse: str, rows: Any = rows) -> str:
        mean, low, high = difference(rows, better, worse, "fidelity")
        return f"{100 * mean:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}]"

    def ahead(better: str, worse: str, by: float = 0.0, rows: Any = rows) -> str:
        mean, low, _ = difference(rows, better, worse, "fidelity")
        return _met(mean > by) if low > by or mean <= by else "met in the mean, not told apart by these clips"

    more: list[Sequence[str]] = []
    for layer, kept in record["summary4"].items():
        best = max(
            (name for name in kept if name not in ("ccr", "vanilla")), key=lambda name: kept[name]["fidelity"]
        )
        apart = record["rows4"][layer]
        if "vanilla" in kept:
            how = "place by place, " if layer in record["by_position"] else ""
            more.append(
                (
                    f"CCR above the vanilla feature, {how}at `{layer}`",
                    over("ccr", "vanilla", apart),
                    ahead("ccr", "vanilla", 0, apart),
                )
            )
        found = f"{over(best, 'ccr', apart)} at {_share(record, layer, best):.3g} %"
        more.append(
            (
                f"Table 4, `{layer}`: a kept share 5 points above all channels",
                found,
                ahead(best, "ccr", 0.05, apart),
            )
        )
    return [
        ("Table 1: CCR above the vanilla feature", over("ccr", "vanilla"), ahead("ccr", "vanilla")),
        ("Table 1: MOFT above CCR alone", over("moft", "ccr"), ahead("moft", "ccr")),
        (
            "Table 1: synthesised within 2 points of a clip's, or above",
            over("synthesised", "moft"),
            ahead("synthesised", "moft", -0.02),
        ),
        (
            "MOFT's fidelity at least 0.8",
            f"{means['moft']['fidelity']:.3f}",
            _met(means["moft"]["fidelity"] >= 0.8),
        ),
        *more,
    ]


def _peer_bar(record: Record) -> Sequence[str]:
    means, ours = record["summary"], ("moft", "synthesised")
    others = [name for name in means if name not in (*ours, "plain")]
    best, own = (
        max(others, key=lambda name: means[name]["fidelity"]),
        max(ours, key=lambda name: means[name]["fidelity"]),
    )
    mean, low, high = difference(record["rows"], own, best, "fidelity")
    found = (
        f"{PEERS[own].strip('*')} {means[own]['fidelity']:.3f}, {PEERS[best]} {means[best]['fidelity']:.3f}: {100 * mean:+.1f} points "
        f"[{100 * low:+.1f}, {100 * high:+.1f}]"
    )
    return "MOFT best of the objectives, or within the interval of the best", found, _met(high >= 0)


def _drag_bars(record: Record) -> list[Sequence[str]]:
    means = {name: row["distance"] for name, row in record["summary"].items()}
    mean, low, high = difference(
        record["rows"], "both", min(("dift", "moft"), key=means.__getitem__), "distance"
    )
    return [
        (
            "Table 2: MOFT early and DIFT later, mean distance at most 0.175",
            _mean(record["summary"]["both"], "distance"),
            _met(means["both"] <= 0.175),
        ),
        ("Table 2: below either alone", f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]", _met(high < 0)),
    ]


def _cost_bars(record: Record) -> list[Sequence[str]]:
    flops, fused = {name: row["flops"] for name, row in record["cost"].items()}, record["cost"]["fused"]
    return [
        (
            "steering, FLOPs of a run at most 1.45 of plain",
            f"{flops['steered']:.2f}",
            _met(flops["steered"] <= 1.45),
        ),
        ("`fused` at most 1.15", f"{flops['fused']:.2f}", _met(flops["fused"] <= 1.15)),
        *[
            (f"`fused`, seconds{of} at most 1.2", f"{fused[what]:.2f}", _met(fused[what] <= 1.2))
            for what, of in (("seconds", " of one clip"), ("seconds_batch", " of four"))
            if what in fused
        ],
        (
            "the release's scheme, 3 or more, measured beside",
            f"{flops['release']:.2f}",
            _met(flops["release"] >= 3),
        ),
    ]


def _met(fine: bool) -> str:
    return "met" if fine else "**missed**"


# ---------------------------------------------------------------- sections


def _features(record: Record, folder: str) -> str:
    means = record["summary"]
    rows = [
        (WAYS[n], DIFFERS[n], _mean(means[n], "fidelity"), _paper(PAPER.get(n)), *_scores(means[n]))
        for n in WAYS
    ]
    paper = ", ".join(f"{100 * share:.3g} % {value}" for share, value in PAPER_SHARES.items())
    shares = [
        (f"`{layer}`", _kept(record, layer, n), _mean(row, "fidelity"), *_scores(row))
        for layer, found in record["summary4"].items()
        for n, row in found.items()
    ]
    place = (
        ""
        if len(record["summary4"]) == 1
        else """`up_blocks.1`, behind it, is the family's usual one, and is compared as the paper does it: place by
place (Eq. 3). In `up_blocks.2`, the last one, motion is a small part of what there is (below)."""
    )
    clips = next(iter(next(iter(record["summary4"].values())).values()))["clips"]
    held = [
        (f"`{layer}`", str(row["channels"]), _number(row["mean"]), f"{100 * row['over_half']:.0f} %")
        for layer, row in record["explained"].items()
    ]
    tracked = 100 * sum(means[n]["tracked"] for n in WAYS if n != "plain") / (len(WAYS) - 1)
    return f"""## Which feature carries motion (Table 1)

{_made(record)} {_asked(record)}, 2 px a frame; the clips to follow are pans of held-out photographs. All ways read
them forwards and backwards at `up_blocks.1.motion_modules.0` and take them as they are read (`calibrated=False`), guide the same steps with as many gradients
at one step size, and compare the means of the quarters of the frame (SMM that of the whole).

{_table(("feature", "what differs", "fidelity", "paper", "cosine", "speed", "tracked", "content", "steadiness", "imaging"), rows)}
![Fidelity of each feature, with intervals]({folder}/table1.svg)

The paper's column is fidelity in percent on AnimateDiff at full size, with CoTracker's tracks. Of the tracks in the miniature's clips only {tracked:.0f} % could be
followed (all guided rows together), since its textures change while they move; fidelity rests on those. The cosine counts every pixel. Imaging is by {record["judge"]}; the paper's is MUSIQ's, .697 without guidance and .693 with MOFT.

## How many channels to keep (Table 4)

From the same run, of the directions along the sides ({clips} clips a row). Channels by their weight in the first two principal components of pans of the
training photographs; all channels are CCR alone. `up_blocks.1.motion_modules.0` is the layer that the miniature's training read motion from
([the miniature](lab/miniature.md)). {place}

{_table(("layer", "kept", "fidelity", "cosine", "speed", "tracked", "content", "steadiness", "imaging"), shares)}
![Fidelity over the share of channels kept]({folder}/table4.svg)

The paper: {paper}.

Why so little is lost by keeping all channels at the layer that training read: there nearly all of them hold motion. How much of a channel's CCR, pans of the training
photographs, displacement explains (R², linear, means over the frame), by layer in the order in which they run:

{_table(("layer", "channels", "mean R²", "channels above 0.5"), held)}"""


def _drag(record: Record, folder: str) -> str:
    means = record["summary"]
    rows = [
        (
            DRAGS[n],
            _mean(means[n], "distance"),
            _paper(DRAG_PAPER.get(n)),
            _number(means[n]["px"]),
            _number(means[n]["seen"]),
        )
        for n in DRAGS
    ]
    return f"""## Dragged points (Table 2)

{_made(record)} {len(record["paths"])} ways of 12 to 15 px, {len(record["prompts"])} prompts each. Mean distance of the tracked point from where it should be, over the
frames but the first, in lengths of its way: about 0.5 for a point that stays behind. The last column is the share of frames in which it could be tracked.

{_table(("guided by", "distance", "paper", "px", "seen"), rows)}
The paper's trained system (DragNUWA, 0.075) is not run here.
"""


def _peers(record: Record, folder: str) -> str:
    means, work = record["summary"], record["work"]
    rows = []
    for name in sorted(means, key=lambda name: -means[name]["fidelity"]):
        size = record["step_sizes"].get(name)
        spent = [f"{value:.2f}" for value in work.get(name, {}).values()] or ["", ""]
        rows.append(
            (
                PEERS[name],
                "" if size is None else f"{size:g}",
                _mean(means[name], "fidelity"),
                *_scores(means[name]),
                f"{means[name]['seconds']:.1f}",
                *spent,
            )
        )
    sizes = list(next(iter(record["tuning"].values())))
    how = (
        f"Step sizes were chosen from {', '.join(sizes)} by fidelity on 8 tuning clips each, MOFT's too."
        if len(sizes) > 1
        else (
            f"All take the usual step size, {sizes[0]}; **no other was tried**, so an objective that wants another one may do better than here."
        )
    )
    return f"""## Other systems' objectives

{_made(record)} {_asked(record)}, 2 px a frame. Each is the published objective as a loss on the attachment that MOFT is steered by, so all have
the same model, guided steps, number of gradients and step rule; what of each system was left out is said in `moft/bench/peers.py`. {how}
These are not the systems as published, which other models, samplers and tricks belong to. MOFT from the clip is as it comes: calibrated on the clip's own content
([how](lab/following.md)).

{_table(("objective", "step size", "fidelity", "cosine", "speed", "tracked", "content", "steadiness", "imaging", "s a clip", "FLOPs", "memory"), rows)}
![Fidelity of each objective, with intervals]({folder}/peers.svg)

Seconds are the processor's, those of its cores added up. FLOPs and peak memory of one clip, the reading of the reference included, as ratios to a plain run.
Imaging is by {record["judge"]}.
"""


def _cost(record: Record, folder: str) -> str:
    columns = {"flops": "FLOPs", "seconds": "seconds", "seconds_batch": "of four clips", "memory": "memory"}
    held = [
        what for what in columns if all(what in row for row in record["cost"].values())
    ]  # a quick run has one clip alone
    rows = [
        (COSTS.get(name, name), *(f"{row[what]:.2f}" for what in held))
        for name, row in record["cost"].items()
    ]
    grown = [
        (
            f"{row[row['grows']]} {row['grows'].replace('side', 'px a side')}",
            f"{row['flops']:.2f}",
            f"{row['memory']:.2f}",
        )
        for row in record["growth"]
    ]
    growth = (
        f"""How a steered run grows over a plain one of the same size, each alone:

{_table(("size", "FLOPs", "memory"), grown)}
![Ratios over frames, px a side and regions]({folder}/growth.svg)
"""
        if grown
        else ""
    )
    return f"""## What it costs

{_made(record)} Whole runs in one process, over plain sampling: 9 of 25 steps guided, 2 gradients each, guidance on. Seconds are medians of runs that
take turns, of one clip and of four at once. Memory: most bytes of the denoiser's weights and of tensors alive at once, four clips.

{_table(("run", *(columns[what] for what in held)), rows)}
The release's scheme is its work done again on the same attachment: the whole guidance batch with gradients through the whole denoiser, gradients of the
weights, an unguided branch beside at every step. Its re-reading of the reference from disk is left out.

{growth}"""


def _real(record: Record, folder: str) -> str:
    return f"""## What it costs at real sizes

{_made(record)} Counted with tensors that have no data, not run: FLOPs of a run's denoising over plain sampling, 9 guided steps of the number given, 2 gradients
each; peak memory of a gradient over that of a plain step (weights and activations in bfloat16), as it is and with `save_memory`. What it means: [memory](guides/memory.md).

{real_sizes(record)}"""


def real_sizes(record: Record) -> str:
    """The table of costs at real sizes."""
    rows = [
        (
            row["model"],
            f"`{row['layer']}`",
            str(row["steps"]),
            f"{row['flops']:.2f}",
            f"{row['plain_gb']:.1f}",
            f"{row['memory']:.2f}",
            f"{row['memory_saving']:.2f}",
        )
        for row in record["models"]
    ]
    return _table(
        ("model", "layer", "steps", "FLOPs", "plain step, GB", "memory", "with `save_memory`"), rows
    )


SECTIONS: dict[str, Callable[[Record, str], str]] = {
    "features": _features,
    "peers": _peers,
    "drag": _drag,
    "cost": _cost,
    "real": _real,
}


# ---------------------------------------------------------------- figures


def drawn(found: Mapping[str, Record]) -> dict[str, Figure]:
    """Every figure of the page, by name."""
    made: dict[str, Figure] = {}
    if "features" in found:
        record = found["features"]
        made["table1"] = figures.means(
            {WAYS[n].strip("*"): _ends(record["summary"][n]) for n in WAYS}, "motion fidelity"
        )
        made["table4"] = figures.over_shares(
            {
                layer: {
                    _share(record, layer, n) / 100: _ends(row) for n, row in kept.items() if n != "vanilla"
                }
                for layer, kept in record["summary4"].items()
            },
            "motion fidelity",
        )
    if "peers" in found:
        record = found["peers"]
        order = sorted(record["summary"], key=lambda name: -record["summary"][name]["fidelity"])
        made["peers"] = figures.means(
            {PEERS[n].strip("*"): _ends(record["summary"][n]) for n in order}, "motion fidelity"
        )
    if "cost" in found and found["cost"]["growth"]:
        grown: dict[str, dict[int, dict[str, float]]] = {}
        for row in found["cost"]["growth"]:
            name = row["grows"].replace("side", "px a side")
            grown.setdefault(name, {})[row[row["grows"]]] = {"FLOPs": row["flops"], "memory": row["memory"]}
        made["growth"] = figures.growth(grown)
    return made


# ---------------------------------------------------------------- pieces


def _ends(row: Mapping[str, Any]) -> tuple[float, float, float]:
    return (row["fidelity"], *row["interval"])


def _share(record: Record, layer: str, name: str) -> float:
    """Percent of the layer's channels."""
    return 100 * record["kept"][layer][name] / max(record["kept"][layer].values())


def _kept(record: Record, layer: str, name: str) -> str:
    if name == "vanilla":
        return "vanilla feature"
    return f"{_share(record, layer, name):.3g} % ({record['kept'][layer][name]})"


def _mean(row: Mapping[str, Any], score: str) -> str:
    low, high = row["interval"]
    return f"{row[score]:.3f} [{low:.3f}, {high:.3f}]"


def _scores(row: Mapping[str, Any]) -> list[str]:
    return [_number(row[name]) for name in ("cosine", "speed", "tracked", "content", "steadiness", "imaging")]


def _number(value: float) -> str:
    return f"{value:.2f}"


def _paper(value: float | None) -> str:
    return "–" if value is None else f"{value}"


def _made(record: Record) -> str:
    return f"`{record['command']}`, seed {record['seed']}."


def _asked(record: Record) -> str:
    return f"{len(record['directions'])} directions x {len(record['prompts'])} held-out prompts"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


__all__ = ["digest", "drawn", "real_sizes", "text", "write"]
