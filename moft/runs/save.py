"""Clips and their record, written whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moft.errors import MediaError
from moft.media.files import check_folder, staging
from moft.runs.recipe import embedded

if TYPE_CHECKING:
    import numpy as np


SUFFIXES = (".mp4", ".webm", ".gif")


def check_output(out: Path, inputs: list[str]) -> None:
    """Raise MediaError unless clips can be written at `out`, before anything expensive runs."""
    if out.suffix.lower() not in SUFFIXES or not out.stem:
        raise MediaError(f"cannot write {out}: expected a name ending in {', '.join(SUFFIXES)}; rename it")
    check_folder(out)
    for target in _targets(out).values():
        if target.is_dir():
            raise MediaError(f"cannot write {target}: it is a folder; choose another -o")
        if any(target.exists() and os.path.exists(p) and target.samefile(p) for p in inputs):
            raise MediaError(f"cannot write {target}: it is an input of this command; choose another -o")
    if any(os.path.isdir(p) and out.parent.samefile(p) for p in inputs):
        raise MediaError(f"cannot write {out}: its folder is an input of this command; choose another -o")


def _targets(out: Path) -> dict[str, Path]:
    return {
        **{kind: out.with_name(f"{out.stem}{kind}{out.suffix}") for kind in ("", ".plain", ".compare")},
        ".json": out.with_suffix(".json"),
    }


def write_all(out: Path, clips: dict[str, np.ndarray], record: dict[str, Any]) -> dict[str, Any]:
    """All files or none; numbers that JSON has not (NaN, infinities) become null."""
    from moft.media.writing import write_video

    targets = _targets(out)
    record = {**record, "files": {kind.strip(".") or "steered": str(path) for kind, path in targets.items()}}
    record = json.loads(json.dumps(record), parse_constant=lambda _: None)
    with staging(out.parent) as folder:
        for kind, video in clips.items():
            write_video(folder / targets[kind].name, video, metadata={"comment": embedded(record)})
        (folder / targets[".json"].name).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        for target in targets.values():
            os.replace(folder / target.name, target)
    return record
