"""`moft explain`: what a model knows of motion, as a report of figures that each have a number behind them.

Clips are read one by one and what was read of each is kept (`data/clip-*.safetensors`), so a run that was stopped goes on
where it was. The report, its figures and its numbers are finished in a passing folder and then renamed into place.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from moft.errors import MediaError, RequestError
from moft.feature.definition import motion_channels
from moft.feature.statistics import Statistics, statistics_path
from moft.interpreter import numbers as interpret
from moft.interpreter.clips import Clip, default_point, held_out_clips, read_clip
from moft.interpreter.numbers import LEAST_SPEED
from moft.interpreter.reading import (
    SWEEP_FILE,
    Reader,
    Source,
    Tell,
    Wanted,
    key,
    look,
    looked,
    reader,
    shown,
    source_of,
)
from moft.interpreter.readout import READOUT_FILE, Readout, flow_score
from moft.interpreter.report import Report, draw
from moft.interpreter.scores import as_lines, fit_readout, keep, run_sweep, score
from moft.media.files import check_folder, staging
from moft.models.tap import Tap
from moft.optional import needs
from moft.provenance import command, versions
from moft.types import ClipSize


def explain(
    pipe: Any,
    paths: Sequence[str],
    out: Path,
    *,
    wanted: Wanted | None = None,
    model: str = "",
    statistics: Statistics | None = None,
    tell: Tell = lambda line: None,
) -> dict[str, Any]:
    """Write `out/report.html`, `out/scores.json`, `out/figures/` and `out/data/`; returns the scores.

    Args:
        paths: clips and pictures; none looks into held-out clips of known flow.
        out: a folder, made if its parent is there.
        tell: gets one line as each piece of work begins.
    Raises:
        MoftError: anything wrong with clips, point, model or folder; no report is left then. What was read of clips
            stays in `out/data`, for the next run.
    """
    needs("matplotlib", "jinja2", "sklearn", "skimage", "cv2")
    from moft.known.photographs import held_out_photographs

    started, wanted = time.perf_counter(), wanted or Wanted()
    check_folder_for(out)
    pipe.set_progress_bar_config(disable=True)
    read = reader(pipe, wanted, model, tell, statistics)
    clips = [read_clip(path, read.size) for path in paths] or held_out_clips(read.size, 4)
    wanted = dataclasses.replace(wanted, point=_checked(wanted.point or default_point(clips[0]), read.size))
    sweep = run_sweep(read, wanted, tell) if wanted.sweep else None
    photos = held_out_photographs()
    tell("reading pans of photographs at every layer")
    pans_of = interpret.read_pans(
        read.pipe, photos, read.size, read.timestep, read.layers, wanted.places, wanted.seed
    )
    share = len(read.statistics.channels) / pans_of[read.layer].feature.shape[-1]
    channels = {
        name: motion_channels(found.steady.clean[:, 0], share, components=2)
        for name, found in pans_of.items()
    }
    channels[read.layer] = read.statistics.channels
    made = {"model": model, "command": command(), "versions": versions(), "weights": read.fingerprint}
    data = out / "data"
    data.mkdir(parents=True, exist_ok=True)
    readout = _readout(read, wanted, made, data, tell)
    scores = score(read, readout, pans_of, photos, wanted, tell)
    source = source_of(read, clips[0], channels, wanted)
    seen = []
    for i, clip in enumerate(clips, 1):
        tell(f"clip {i} of {len(clips)}: {Path(clip.name).name}")

        def see(clip: Clip = clip, noise: int = i) -> dict[str, Tensor]:
            return look(read, clip, source, readout, channels, wanted, noise)

        found, kept = looked(clip, source, key(read, clip, source, wanted, i), data, see)
        seen.append(found)
        if kept:
            tell("  as read by an earlier run")
    tell("drawing")
    record = {
        **scores.values,
        "model": model,
        "family": Tap(pipe).family.name,
        "layer": read.layer,
        "timestep": read.timestep,
        "channels": len(read.statistics.channels),
        "share": share,
        "size": dataclasses.asdict(read.size),
        "clips": [_clip_record(read, c, s, source) for c, s in zip(clips, seen, strict=True)],
        **({"sweep": sweep} if sweep else {}),
        "command": command(),
        "versions": versions(),
    }
    with staging(out.parent) as folder:
        report = Report(folder)
        draw(report, read, scores, source, clips, seen, wanted, record)
        record["seconds"] = time.perf_counter() - started
        record = json.loads(json.dumps(record), parse_constant=lambda _: None)
        notes = [clip.note for clip in clips if clip.note]
        (folder / "report.html").write_text(
            report.html("Motion inside a video diffusion model", _facts(read, record), notes),
            encoding="utf-8",
        )
        (folder / "scores.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        if sweep:
            (folder / SWEEP_FILE).write_text(as_lines(sweep), encoding="utf-8")
        _move(folder, out)
    if sweep:
        keep(sweep, readout, statistics_path(pipe).parent, tell)
    return record


def _checked(point: tuple[float, float, float], size: ClipSize) -> tuple[float, float, float]:
    interpret.cell_of(point, size, torch.empty(1, 1, 1, 1, 1))
    return point


def _readout(read: Reader, wanted: Wanted, made: dict[str, Any], data: Path, tell: Tell) -> Readout:
    """That of an earlier run on the same weights, that which is kept beside the model, or one fitted now."""
    path = data / READOUT_FILE
    for kept in (path, statistics_path(read.pipe).with_name(READOUT_FILE)):
        if kept.exists():
            with suppress(RequestError):  # of another version, or broken
                readout = Readout.load(kept)
                if (
                    readout.made.get("weights") == read.fingerprint
                    and readout.made.get("clips") == wanted.fitting
                ):
                    readout.save(path)
                    return readout
    tell(f"fitting the read-out on {wanted.fitting} clips")
    readout = fit_readout(read, wanted.fitting, made)
    readout.save(path)
    return readout


def check_folder_for(out: Path) -> None:
    """Raise MediaError unless `out` is a folder that can be written in, or can be made, before anything expensive runs."""
    if out.exists() and not out.is_dir():
        raise MediaError(f"cannot write in {out}: expected a folder, got a file; choose another -o")
    check_folder(out / "report.html" if out.exists() else out)


def _move(folder: Path, out: Path) -> None:
    """Every file of a passing folder to its place; the report last, so that what it speaks of is there."""
    files = sorted((p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.name == "report.html")
    for path in files:
        target = out / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)


def _facts(read: Reader, record: dict[str, Any]) -> dict[str, str]:
    size = read.size
    chosen = "stored sweep" if read.swept else "where the motion channels are from"
    origin = "found for this report from pans" if read.found_here else "known for the model"
    return {
        "model": f"{record['model']} ({record['family']})",
        "read at": f"{read.layer}, timestep {read.timestep} ({chosen})",
        "motion channels": f"{record['channels']} ({100 * record['share']:.3g} %), {origin}",
        "clips": f"{size.frames} frames of {size.width} x {size.height} px",
        "command": " ".join(record["command"]),
        "versions": ", ".join(f"{name} {v}" for name, v in record["versions"].items()),
    }


def _clip_record(read: Reader, clip: Clip, seen: dict[str, Tensor], source: Source) -> dict[str, Any]:
    """Numbers of one clip: of each heat map, and of the motion map against exact flow or DIS."""
    flow = torch.from_numpy(np.ascontiguousarray(clip.flow)).float()
    least = LEAST_SPEED * read.size.side
    found = flow_score(seen["flow"], flow, least)
    return {
        "name": clip.name,
        "note": clip.note,
        "flow": "exact" if clip.true is not None else "DIS",
        "motion_map": found.to_json(),
        "maps": {
            name: _map_auc(value, clip, source, least) for name, value in seen.items() if name != "flow"
        },
    }


def _map_auc(value: Tensor, clip: Clip, source: Source, least: float) -> float | None:
    """AUC of the still that is shown, against the flow of its frame."""
    at, frame = shown(value, source, len(clip.video))
    flow = torch.from_numpy(np.ascontiguousarray(clip.flow[frame])).float().permute(2, 0, 1)[None]
    cells = F.adaptive_avg_pool2d(flow, (value.shape[1], value.shape[2]))[0].permute(1, 2, 0)
    return interpret.map_agreement(value[at], cells, source.velocity, least).auc
