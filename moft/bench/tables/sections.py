"""The page's sections: each a record in words and tables."""

from __future__ import annotations

from collections.abc import Callable

from moft.bench.results import Record
from moft.bench.tables.labels import (
    COSTS,
    DIFFERS,
    DRAG_PAPER,
    DRAGS,
    PAPER,
    PAPER_SHARES,
    PEERS,
    WAYS,
)
from moft.bench.tables.pieces import (
    kept_cell,
    made_by,
    mean_cell,
    number,
    paper_cell,
    score_cells,
    score_names,
    table,
    task_words,
)


def features(record: Record, folder: str) -> str:
    """Tables 1 and 4."""
    return f"{_table1(record, folder)}\n{_table4(record, folder)}"


def _table1(record: Record, folder: str) -> str:
    means = record["summary"]
    head = ("feature", "what differs", "fidelity", "paper", *score_names(means["plain"]))
    rows = [
        (
            WAYS[n],
            DIFFERS[n],
            mean_cell(means[n], "fidelity"),
            paper_cell(PAPER.get(n)),
            *score_cells(means[n]),
        )
        for n in WAYS
    ]
    tracked = 100 * sum(means[n]["tracked"] for n in WAYS if n != "plain") / (len(WAYS) - 1)
    return f"""## Which feature carries motion (Table 1)

{made_by(record)} {task_words(record)}, 2 px a frame; the clips to follow are pans of held-out photographs. \
All ways read
them forwards and backwards at `up_blocks.1.motion_modules.0` and take them as they are read \
(`calibrated=False`), guide the same steps with as many gradients
at one step size, as in the release (`keep_spread=False`), \
and compare the means of the quarters of the frame (SMM that of the whole).

{table(head, rows)}
![Fidelity of each feature, with intervals]({folder}/table1.svg)

The paper's column is fidelity in percent on AnimateDiff at full size, with CoTracker's tracks. Of the \
tracks in the miniature's clips only {tracked:.0f} % could be
followed (all guided rows together), since its textures change while they move; fidelity rests on those. \
The cosine counts every pixel. Imaging is by {record["judge"]}; the paper's is MUSIQ's, .697 without \
guidance and .693 with MOFT.
"""


def _table4(record: Record, folder: str) -> str:
    paper = ", ".join(f"{100 * share:.3g} % {value}" for share, value in PAPER_SHARES.items())
    rows = [
        (f"`{layer}`", kept_cell(record, layer, n), mean_cell(row, "fidelity"), *score_cells(row))
        for layer, ways in record["summary4"].items()
        for n, row in ways.items()
    ]
    place = (
        ""
        if len(record["summary4"]) == 1
        else """`up_blocks.1`, behind it, is the family's usual one, and is compared as the paper does \
it: place by
place (Eq. 3). In `up_blocks.2`, the last one, motion is a small part of what there is (below)."""
    )
    first = next(iter(next(iter(record["summary4"].values())).values()))
    return f"""## How many channels to keep (Table 4)

From the same run, of the directions along the sides ({first["clips"]} clips a row). Channels by their \
weight in the first two principal components of pans of the
training photographs; all channels are CCR alone. `up_blocks.1.motion_modules.0` is the layer that the \
miniature's training read motion from
([the miniature](lab/miniature.md)). {place}

{table(("layer", "kept", "fidelity", *score_names(first)), rows)}
![Fidelity over the share of channels kept]({folder}/table4.svg)

The paper: {paper}.

{_explained(record)}"""


def _explained(record: Record) -> str:
    rows = [
        (f"`{layer}`", str(row["channels"]), number(row["mean"]), f"{100 * row['over_half']:.0f} %")
        for layer, row in record["explained"].items()
    ]
    return f"""Why so little is lost by keeping all channels at the layer that training read: there \
nearly all of them hold motion. How much of a channel's CCR, pans of the training
photographs, displacement explains (R², linear, means over the frame), by layer in the order in which \
they run:

{table(("layer", "channels", "mean R²", "channels above 0.5"), rows)}"""


def drag(record: Record, folder: str) -> str:
    """Table 2."""
    means = record["summary"]
    rows = [
        (
            DRAGS[n],
            mean_cell(means[n], "distance"),
            paper_cell(DRAG_PAPER.get(n)),
            number(means[n]["px"]),
            number(means[n]["seen"]),
        )
        for n in DRAGS
    ]
    return f"""## Dragged points (Table 2)

{made_by(record)} {len(record["paths"])} ways of 12 to 15 px, {len(record["prompts"])} prompts each. Mean \
distance of the tracked point from where it should be, over the
frames but the first, in lengths of its way: about 0.5 for a point that stays behind. The last column is the \
share of frames in which it could be tracked.

{table(("guided by", "distance", "paper", "px", "seen"), rows)}
The paper's trained system (DragNUWA, 0.075) is not run here.
"""


def peers(record: Record, folder: str) -> str:
    """Other systems' objectives."""
    means, work = record["summary"], record["work"]
    order = sorted(means, key=lambda name: -means[name]["fidelity"])
    rows = []
    for name in order:
        size = record["step_sizes"].get(name)
        spent = [f"{value:.2f}" for value in work.get(name, {}).values()] or ["", ""]
        steps, mean = "" if size is None else f"{size:g}", mean_cell(means[name], "fidelity")
        seconds = f"{means[name]['seconds']:.1f}"
        rows.append((PEERS[name], steps, mean, *score_cells(means[name]), seconds, *spent))
    names = score_names(means[order[0]])
    head = ("objective", "step size", "fidelity", *names, "s a clip", "FLOPs", "memory")
    return f"""## Other systems' objectives

{made_by(record)} {task_words(record)}, 2 px a frame. Each is the published objective as a loss on the \
attachment that MOFT is steered by, so all have
the same model, guided steps, number of gradients and step rule; what of each system was left out is said in \
`moft/bench/ways/peers.py`. {_tuned(record)}
These are not the systems as published, which other models, samplers and tricks belong to. All push as \
the release does (`keep_spread=False`). MOFT from the clip is calibrated on the clip's own content
([how](lab/following.md)).

{table(head, rows)}
![Fidelity of each objective, with intervals]({folder}/peers.svg)

Seconds are the processor's, those of its cores added up. FLOPs and peak memory of one clip, the reading \
of the reference included, as ratios to a plain run.
Imaging is by {record["judge"]}.
"""


def _tuned(record: Record) -> str:
    sizes = list(next(iter(record["tuning"].values())))
    if len(sizes) > 1:
        among = ", ".join(sizes)
        return f"Step sizes were chosen from {among} by fidelity on 8 tuning clips each, MOFT's too."
    return (
        f"All take the usual step size, {sizes[0]}; **no other was tried**, so an objective that wants \
another "
        "one may do better than here."
    )


def cost(record: Record, folder: str) -> str:
    """What steering costs on the miniature."""
    columns = {"flops": "FLOPs", "seconds": "seconds", "seconds_batch": "of four clips", "memory": "memory"}
    # A quick run has one clip alone.
    held = [what for what in columns if all(what in row for row in record["cost"].values())]
    rows = [
        (COSTS.get(name, name), *(f"{row[what]:.2f}" for what in held))
        for name, row in record["cost"].items()
    ]
    return f"""## What it costs

{made_by(record)} Whole runs in one process, over plain sampling: 9 of 25 steps guided, 2 gradients each, \
guidance on. Seconds are medians of runs that
take turns, of one clip and of four at once. Memory: most bytes of the denoiser's weights and of tensors \
alive at once, four clips.

{table(("run", *(columns[what] for what in held)), rows)}
The release's scheme is its work done again on the same attachment: the whole guidance batch with gradients \
through the whole denoiser, gradients of the
weights, an unguided branch beside at every step. Its re-reading of the reference from disk is left out.

{_growth(record, folder)}"""


def _growth(record: Record, folder: str) -> str:
    if not record["growth"]:
        return ""
    rows = []
    for row in record["growth"]:
        size = f"{row[row['grows']]} {row['grows'].replace('side', 'px a side')}"
        rows.append((size, f"{row['flops']:.2f}", f"{row['memory']:.2f}"))
    return f"""How a steered run grows over a plain one of the same size, each alone:

{table(("size", "FLOPs", "memory"), rows)}
![Ratios over frames, px a side and regions]({folder}/growth.svg)
"""


def real(record: Record, folder: str) -> str:
    """What it costs at real sizes."""
    return f"""## What it costs at real sizes

{made_by(record)} Counted with tensors that have no data, not run: FLOPs of a run's denoising over plain \
sampling, 9 guided steps of the number given, 2 gradients
each; peak memory of a gradient over that of a plain step (weights and activations in bfloat16), as it is \
and with `save_memory`. What it means: [memory](guides/memory.md).

{real_sizes(record)}"""


def real_sizes(record: Record) -> str:
    """The table of costs at real sizes."""
    head = ("model", "layer", "steps", "FLOPs", "plain step, GB", "memory", "with `save_memory`")
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
    return table(head, rows)


SECTIONS: dict[str, Callable[[Record, str], str]] = {
    "features": features,
    "peers": peers,
    "drag": drag,
    "cost": cost,
    "real": real,
}
