"""`moft explain`: what a model knows of motion, as a report of figures that each have a number behind them.

Clips are read one by one and what was read of each is kept (`data/clip-*.safetensors`), so a run that was
stopped goes on where it was. The report, its figures and its numbers are finished in a passing folder and
then renamed into place.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moft.errors import MediaError
from moft.feature.definition import motion_channels
from moft.feature.model import Model
from moft.feature.statistics import statistics_path
from moft.interpreter.clips import default_point, held_out_clips, read_clip
from moft.interpreter.directions import PanFeatures, read_pans
from moft.interpreter.heat import across
from moft.interpreter.page import Page
from moft.interpreter.reading import Interpreter
from moft.interpreter.readout import find_readout
from moft.interpreter.report import write_report
from moft.interpreter.scores import Findings, score_model
from moft.interpreter.similarity import check_point
from moft.interpreter.sweep import keep_beside_model, run_sweep
from moft.interpreter.viewpoint import SWEEP_FILE, ExplainSettings, Tell, Viewpoint, choose_viewpoint
from moft.media.files import check_writable, make_folder, staging
from moft.optional import needs

if TYPE_CHECKING:
    from torch import Tensor

    from moft.types import PathLike


def explain(
    model: Model,
    clips: Sequence[PathLike],
    out: PathLike,
    *,
    beside: Sequence[Model] = (),
    settings: ExplainSettings | None = None,
    tell: Tell = lambda line: None,
) -> dict[str, Any]:
    """See the motion inside a model: write `out/report.html`, `out/scores.json`, `out/figures/` and
    `out/data/`.

        record = moft.explain(moft.load("miniature"), ["clip.mp4"], "report")
        print(record["auc"]["moft"])

    Args:
        model: motion channels that are not known for it are found from pans of photographs.
        clips: clips and pictures; the first has the point. None looks into held-out clips of known flow.
        out: a folder, made if its parent is there.
        beside: other models, whose heat maps of the same point and clips stand beside this one's (paper,
            Fig. 4 i-l), each at its own layer, timestep and size.
        tell: gets one line as each piece of work begins.
    Returns:
        The scores, as in `scores.json` (`docs/guides/look-inside.md` says what each is).
    Raises:
        MoftError: anything wrong with clips, point, model or folder; no report is left then. What was read of
            clips stays in `out/data`, for the next run.
    """
    needs("matplotlib", "jinja2", "sklearn", "skimage", "cv2")
    started, folder = time.perf_counter(), Path(out)
    check_report_folder(folder, clips)
    for one in (model, *beside):
        one.pipe.set_progress_bar_config(disable=True)
    findings = _look(model, clips, folder / "data", settings or ExplainSettings(), tell)
    if beside:
        findings = replace(findings, readings=across(beside, clips, findings.readings, tell))
    tell("drawing")
    record = _write(findings, folder, started)
    if findings.sweep:
        home = statistics_path(model.pipe).parent
        keep_beside_model(findings.sweep, findings.readout, home, tell)
    return record


def check_report_folder(out: Path, inputs: Sequence[PathLike] = ()) -> None:
    """Raise MediaError unless `out` is a folder that can be written in, or made, and no input would be
    replaced: before anything expensive runs."""
    if not out.is_dir():
        if out.exists():
            raise MediaError(f"cannot write in {out}: expected a folder, got a file; choose another -o")
        return check_writable(out)
    folders = [out, *(out / name for name in ("figures", "data") if (out / name).is_dir())]
    for path in map(Path, inputs):
        if any(path.exists() and path.resolve().parent.samefile(folder) for folder in folders[1:]):
            raise MediaError(f"cannot write in {out}: {path} is an input of this command; choose another -o")
    names = ("report.html", "scores.json", SWEEP_FILE)
    return check_writable(*(folder / name for folder in folders for name in names), inputs=inputs)


def _look(
    model: Model, paths: Sequence[PathLike], data: Path, settings: ExplainSettings, tell: Tell
) -> Findings:
    """All that a report says; what takes long to read is kept in the folder `data`."""
    from moft.known.photographs import held_out_photographs

    viewpoint = choose_viewpoint(model, settings, tell)
    size = viewpoint.size
    clips = [read_clip(path, size) for path in paths] or held_out_clips(size, 4)
    point = settings.point or default_point(clips[0])
    check_point(point, size)
    sweep = run_sweep(viewpoint, settings, tell) if settings.sweep else None
    photos = held_out_photographs()
    tell("reading pans of photographs at every layer")
    pans = read_pans(
        model.pipe, photos, size, viewpoint.timestep, viewpoint.layers, settings.places, settings.seed
    )
    make_folder(data)
    readout = find_readout(viewpoint, settings.fitting, data, tell)
    scores = score_model(viewpoint, readout, pans, photos, settings, tell)
    interpreter = Interpreter(viewpoint, _channels(viewpoint, pans), readout, settings)
    source, readings = interpreter.source(clips[0], point), []
    for i, clip in enumerate(clips, 1):
        tell(f"clip {i} of {len(clips)}: {Path(clip.name).name}")
        readings.append(interpreter.read_once(clip, source, i, data, tell))
    return Findings(viewpoint, readout, scores, tuple(readings), sweep)


def _channels(viewpoint: Viewpoint, pans: dict[str, PanFeatures]) -> dict[str, Tensor]:
    """Motion channels of each layer: the viewpoint's own, and as large a share of the others, from its
    pans."""
    own = viewpoint.statistics.channels
    share = len(own) / pans[viewpoint.layer].feature.shape[-1]
    first = {name: features.steady.clean[:, 0] for name, features in pans.items()}
    channels = {name: motion_channels(rows, share, components=2) for name, rows in first.items()}
    return {**channels, viewpoint.layer: own}


def _write(findings: Findings, out: Path, started: float) -> dict[str, Any]:
    """The report's files, whole or not at all; returns the record, with the seconds since the start."""
    with staging(out, last="report.html") as folder:  # so that what the report speaks of is there
        page = Page(folder)
        write_report(page, findings)
        record = {**findings.to_json(), "seconds": time.perf_counter() - started}
        record = json.loads(json.dumps(record), parse_constant=lambda _: None)
        notes = [reading.clip.note for reading in findings.readings if reading.clip.note]
        html = page.html("Motion inside a video diffusion model", _facts(findings.viewpoint, record), notes)
        (folder / "report.html").write_text(html, encoding="utf-8")
        (folder / "scores.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        if findings.sweep:
            (folder / SWEEP_FILE).write_text(findings.sweep.text(), encoding="utf-8")
    return record


def _facts(viewpoint: Viewpoint, record: dict[str, Any]) -> dict[str, str]:
    """What stands at the head of the page."""
    size = viewpoint.size
    chosen = "stored sweep" if viewpoint.swept else "where the motion channels are from"
    origin = "found for this report from pans" if viewpoint.channels_found else "known for the model"
    return {
        "model": f"{record['model']} ({record['family']})",
        "read at": f"{viewpoint.layer}, timestep {viewpoint.timestep} ({chosen})",
        "motion channels": f"{record['channels']} ({100 * record['share']:.3g} %), {origin}",
        "clips": f"{size.frames} frames of {size.width} x {size.height} px",
        "command": " ".join(record["command"]),
        "versions": ", ".join(f"{name} {v}" for name, v in record["versions"].items()),
    }
