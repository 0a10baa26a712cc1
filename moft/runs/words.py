"""Records in words, for people."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any

from moft.metrics.motion import direction_of
from moft.printing import listed, printable
from moft.provenance import installed
from moft.runs.outcome import remedies
from moft.runs.recipe import Recipe

FEW = 0.2  # share of the tracks below which a score rests on little
_VERDICT = {True: "followed", False: "missed", None: "not told"}


def describe(motion: dict[str, Any]) -> str:
    """A measured motion in words and numbers, e.g. "left, 1.43 px a frame (-1.42, +0.10)"."""
    x, y = motion["inside"]
    zoom = f"zoom {100 * motion['zoom']:+.2f}% a frame"
    text = f"{_name(motion)}, {motion['speed']:.2f} px a frame ({x:+.2f}, {y:+.2f}); {zoom}"
    if "turning" in motion.get("named", ""):
        text += f"; turn {motion['turn']:+.2f} degrees a frame"
    if motion["outside"]:
        text += f"; outside the region ({motion['outside'][0]:+.2f}, {motion['outside'][1]:+.2f})"
    if motion.get("named") == "apart":
        text += f"; {_by_quarters(motion['quarters'])}"
    if motion.get("named") == "unknown":
        text += f"; only {motion['found']:.0%} was found again from frame to frame: a cut, blank or too fast?"
    elif motion.get("lost"):
        text += f"; lost after frame {', '.join(str(i + 1) for i in motion['lost'])}: a cut?"
    return text


def described_movers(found: dict[str, Any]) -> list[str]:
    """A line for each mover of a clip (`moft.field.movers`), and one for its ground; none if none were looked
    for."""
    if "movers" not in found:
        return []
    rows = [("ground", f"{_heading(found['ground']['inside'])} on average")]
    for i, mover in enumerate(found["movers"]):
        left, top, width, height = mover["where"]
        place = f"{mover['share']:.0%} of the picture, in {left:g},{top:g},{width:g},{height:g}"
        against = f"against the ground {_heading(mover['against'])}"
        rows.append((f"mover {i + 1}", f"{_heading(mover['inside'])}, {against}; {place}"))
    return [f"{name}: {text}" for name, text in rows] + ["movers: none"] * (not found["movers"])


def _heading(velocity: Sequence[float]) -> str:
    x, y = velocity
    return f"{direction_of(x, y)}, {math.hypot(x, y):.2f} px a frame ({x:+.2f}, {y:+.2f})"


def _name(motion: dict[str, Any]) -> str:
    """What moves and how; records of 0.1.0 say no name."""
    name = motion.get("named") or (direction_of(*motion["inside"]) if motion["speed"] >= 0.05 else "still")
    if name == "apart":
        return "places move apart"
    if name != "part":
        return str(name)
    (x, y), (left, top, width, height) = motion["mover"], motion["where"]
    return (
        f"still but for {motion['moving']:.0%} in {left:g},{top:g},{width:g},{height:g}, which goes "
        f"{direction_of(x, y)}, {math.hypot(x, y):.2f} px a frame; on the whole"
    )


def _by_quarters(quarters: Sequence[Sequence[float] | None]) -> str:
    names = ("top left", "top right", "bottom left", "bottom right")
    return ", ".join(
        f"{name} ({at[0]:+.2f}, {at[1]:+.2f})" for name, at in zip(names, quarters, strict=True) if at
    )


def summary(record: dict[str, Any]) -> str:
    """What a person wants to know of a run, from its record."""
    return _of_points(record) if "points" in record else _of_requests(record)


def _of_requests(record: dict[str, Any]) -> str:
    outcome = record["outcome"]
    rows: list[tuple[str, str]] = []
    for index, part in enumerate(outcome):
        number = f"{index + 1} " if len(outcome) > 1 else ""
        rows.append((f"{number}asked", part["asked"]))
        rows += [
            (name, describe(part[name]["motion"]))
            for name in ("reference", "plain", "steered")
            if name in part
        ]
        rows.append(("followed", in_words(part)))
    if len(outcome) > 1:
        count = sum(part["steered"]["followed"] is True for part in outcome)
        rows.append(("in all", f"{count} of {len(outcome)} requests followed"))
    if record["followed"] is False:
        rows.append(("try", advice(record)))
    if len(record["tries"]) > 1:
        runs = [f"{one['change'] or 'as asked'}: {_VERDICT[one['followed']]}" for one in record["tries"]]
        rows.append(("tries", f"{'; '.join(runs)}. Kept: {record['kept'] + 1} of {len(runs)}"))
    if record["reconstruction"] is not None:
        rows.append(
            ("clip", f"comes back from its inversion with a PSNR of {record['reconstruction']:.1f} dB")
        )
    if record.get("outside") is not None:
        was = f"with a PSNR of {record['outside']:.1f} dB, and the pixels there were then put back exactly"
        rows.append(("outside", f"the model kept it {was}"))
    rows.append(("rate", f"{record['fps']:g} frames a second"))
    rows += [("note", line) for line in record["notes"]]
    rows.append(
        ("time", f"{record['steered']['seconds']:.1f} s, {record['guidance_seconds']:.1f} s of it steering")
    )
    if "files" in record:
        rows.append(("files", ", ".join(record["files"].values())))
    return listed(rows, 11)


def _of_points(record: dict[str, Any]) -> str:
    rows = {}
    for number, point in enumerate(record["points"], 1):
        (x0, y0), (x1, y1), (x, y) = point["wanted"][0], point["wanted"][-1], point["dragged"]["track"][-1]
        way = f"{x0:g},{y0:g} to {x1:g},{y1:g}" if point["length_px"] else f"{x0:g},{y0:g} to stay"
        off = {name: f"{point[name]['distance_px']:.1f} px" for name in ("dragged", "plain")}
        far = (
            f"off by {off['dragged']} on average, plain by {off['plain']}; arrived: "
            f"{'yes' if point['arrived'] else 'no'}"
        )
        rows[f"point {number}"] = f"{way}; came to {x:.1f},{y:.1f}; {far}"
    for name, distance in record["distance"].items():
        if distance is not None:
            rows[name] = f"{distance:.3f} of the wanted way off on average"
    if not record["arrived"]:
        rows["try"] = advice(record)
    if len(record["tries"]) > 1:
        runs = [
            f"seed {one['seed']}: {one['arrived']} of {len(one['points'])} arrived" for one in record["tries"]
        ]
        rows["tries"] = f"{'; '.join(runs)}. Kept: {record['kept'] + 1} of {len(runs)}"
    rows["rate"] = f"{record['fps']:g} frames a second"
    rows |= {f"note {number}": line for number, line in enumerate(record["notes"], 1)}
    rows["time"] = f"{record['dragged']['seconds']:.1f} s, {record['guidance_seconds']:.1f} s of it dragging"
    rows["files"] = ", ".join(record["files"].values())
    return listed(rows.items(), 11)


def advice(record: dict[str, Any]) -> str:
    """What to try when a request was not followed: what a retry would do, and what only a person can."""
    recipe = Recipe.from_json(record)
    scene = recipe.scene
    tried = islice(remedies(recipe.settings, scene.seed, recipe.requests), 4)
    words = [remedy.words for remedy in tried if scene.video is None or remedy.seed == scene.seed]
    other = (
        "another --radius, or a shorter way" if "points" in record else "a larger region, or a slower speed"
    )
    return (
        f"{', '.join(words)}: --retry {len(words)} tries these, one on top of the other; or {other}"
        if words
        else other
    )


def scores(record: dict[str, Any]) -> str:
    """What a person wants to know of two clips that were compared."""
    motion, shared = record["motion"], record["resampled"]
    done = f"{shared['frames']} frames of {_by(shared['size'])}"
    clips = zip(("reference", "output"), shared["was"], shared["up_to"], strict=True)
    for name, (frames, *size), last in clips:
        if [frames, *size] != [shared["frames"], *shared["size"]]:
            same = size[0] * shared["size"][1] == size[1] * shared["size"][0]
            done += f"; {name} was {frames} of {_by(size)}, {'' if same else 'cropped and '}resampled to that"
            done += f" (its first {last}: spread, it would move too far a frame)" if last < frames else ""
    lost = "; too few to rely on: is there a cut?" if min(motion["tracked"]) < FEW else ""
    kept, added = (
        f"{motion['reference']:+.2f} kept of the reference",
        f"{motion['output']:+.2f} of the output is in it",
    )
    rows = {
        "fidelity": f"{motion['fidelity']:+.2f} of 1 ({kept}, {added})",
        "field": f"{100 * record['field']['share']:.0f}% of the motion, {_where_and_when(record['field'])}",
        "direction": f"off by {record['direction_error']:.0f} degrees on average",
        "speed": f"{motion['speed_ratio']:.2f} times the reference's; mean motion off by "
        f"{100 * record['speed_error']:.2f}% of the shorter side a frame",
        "camera": " -> ".join(", ".join(labels) or "mixed" for labels in record["camera"]),
        "moves": " -> ".join("yes" if moves else "no" for moves in record["dynamic"]),
        "steadiness": "{:.3f} -> {:.3f}, 1 where frames do not differ".format(*record["flickering"]),
        "sameness": "{:.3f} -> {:.3f} by {}".format(*record["consistency"], record["encoder"]),
        "looks": "{:.3f} -> {:.3f} by {}".format(*record["imaging"], record["judge"]),
        "tracked": "{:.0%} -> {:.0%} of the points".format(*motion["tracked"]) + lost,
        "compared": done,
    }
    return listed(rows.items(), 12)


def _by(size: Sequence[int]) -> str:
    return f"{size[1]} x {size[0]} px"


def described(recipe: Recipe) -> dict[str, str]:
    """A recipe in words, by name; what was left to the pipeline is left out."""
    scene, here, size = recipe.scene, installed(), recipe.scene.size
    assert size is not None  # a recipe has one
    numbered = len(recipe.requests) > 1
    rows = {
        **{
            f"asked {i}" if numbered else "asked": str(request)
            for i, request in enumerate(recipe.requests, 1)
        },
        "prompt": scene.prompt,
        "negative prompt": scene.negative_prompt,
        **{f"used of the {name}": text for name, text in recipe.used.items()},
        "first frame": scene.image,
        "steered clip": scene.video,
        "size": f"{size.frames} frames of {size.height} x {size.width} px",
        "rate": None if scene.fps is None else f"{scene.fps:g} frames a second",
        "seed": str(scene.seed),
        "steps": str(scene.steps),
        "guidance scale": None if scene.guidance_scale is None else f"{scene.guidance_scale:g}",
        "settings": ", ".join(
            f"{k} {v}" for k, v in asdict(recipe.settings).items() if v not in (None, False)
        ),
        "model": f"{recipe.model}, {recipe.model_digest or 'not known which'}",
        "channels": f"{recipe.channels or 'of the model'}, {recipe.channels_digest}",
        **{f"input {name}": digest for name, digest in recipe.inputs.items()},
        "frames": recipe.frames_digest,
        "versions": ", ".join(
            f"{name} {then}" + ("" if here.get(name, then) == then else f" (here {here[name]})")
            for name, then in recipe.versions.items()
        ),
        "threads": str(recipe.threads),
    }
    return {printable(name): printable(text) for name, text in rows.items() if text is not None}


def _where_and_when(found: dict[str, Any]) -> str:
    """How alike two fields are, and where and when least was followed."""
    text = f"cosine {found['cosine']:.2f} over places and frames, {found['error']:.2f} px off"
    places = [
        (share, f"row {i} and column {j} of {len(row)}")
        for i, row in enumerate(found["by_place"], 1)
        for j, share in enumerate(row, 1)
        if share is not None
    ]
    frames = [(share, i) for i, share in enumerate(found["by_frame"], 1) if share is not None]
    if places and frames:
        (share, name), (part, frame) = min(places), min(frames)
        text += f"; least at {name} ({100 * share:.0f}%) and after frame {frame} ({100 * part:.0f}%)"
    return text


def in_words(part: dict[str, Any]) -> str:
    """How well one request was followed in the steered clip."""
    found = part["steered"]
    if found["followed"] is None:
        return "not told by a mean: the clip's motion cancels out"
    verdict = "yes" if found["followed"] else "no"
    if found.get("reason"):
        return f"no, {found['reason']}, whatever its mean"
    if found.get("agreement"):
        whose = "the clip's motion" if "reference" in part else "the field's motion"
        share = f"{100 * found['share']:.0f}% of {whose}"
        return f"{verdict}, {share}, {_where_and_when(found['agreement'])}"
    if part["goal"].get("direction") == "still":
        return f"{verdict}, moves by {found['motion']['mean_speed']:.2f} px a frame"
    text = f"{verdict}, {100 * found['share']:.0f}% of what was asked"
    return text if found["angle"] is None else f"{text}, {found['angle']:.0f} degrees off"
