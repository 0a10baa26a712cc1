"""Clips and their record, written whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moft.errors import MediaError
from moft.media.files import check_writable, staging
from moft.runs.recipe import embedded

if TYPE_CHECKING:
    import numpy as np

    from moft.types import PathLike


SUFFIXES = (".mp4", ".webm", ".gif")


def check_output(out: Path, inputs: Iterable[PathLike] = (), fps: float | None = None) -> None:
    """Raise MediaError unless clips can be written at `out`, and encoded, before anything expensive runs; so
    often a second, if that is known."""
    from moft.media.writing import check_encoder, check_fps

    inputs = list(inputs)
    if out.suffix.lower() not in SUFFIXES or not out.stem:
        raise MediaError(f"cannot write {out}: expected a name ending in {', '.join(SUFFIXES)}; rename it")
    if fps is not None:
        check_fps(out, fps)
    check_writable(*_targets(out).values(), inputs=inputs)
    if any(os.path.isdir(p) and out.parent.samefile(p) for p in inputs):
        raise MediaError(f"cannot write {out}: its folder is an input of this command; choose another -o")
    check_encoder(out)


def _targets(out: Path) -> dict[str, Path]:
    return {
        **{kind: out.with_name(f"{out.stem}{kind}{out.suffix}") for kind in ("", ".plain", ".compare")},
        ".json": out.with_suffix(".json"),
    }


def write_all(out: Path, clips: dict[str, np.ndarray], record: dict[str, Any]) -> dict[str, Any]:
    """All files or none, at the record's rate; numbers that JSON has not (NaN, infinities) become null."""
    from moft.media.writing import write_video

    targets = _targets(out)
    record = {**record, "files": {kind.strip(".") or "steered": str(path) for kind, path in targets.items()}}
    record = json.loads(json.dumps(record), parse_constant=lambda _: None)
    with staging(out.parent, last=targets[".json"].name) as folder:
        for kind, video in clips.items():
            write_video(
                folder / targets[kind].name, video, fps=_rate(record), metadata={"comment": embedded(record)}
            )
        _write_record(folder / targets[".json"].name, record)
    return record


def _rate(record: dict[str, Any]) -> float:
    """Frames a second of the clips that a record tells of."""
    return record.get("fps") or 8.0


def _write_record(path: Path, record: dict[str, Any]) -> None:
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def kept(out: Path, clips: dict[str, np.ndarray], record: dict[str, Any]) -> str:
    """Where else clips and their record were written, in words, when `write_all` could not: as animated PNGs,
    which lose nothing and need no codec, in a new folder beside `out`, or else among temporary files."""
    for parent in (out.parent, None):
        try:
            folder = Path(tempfile.mkdtemp(prefix=f"{out.stem}-kept-", dir=parent))
        except OSError:
            continue
        try:
            if parent:  # who may look there may look here; among temporary files it stays its maker's
                shutil.copymode(parent, folder)
            for kind, video in clips.items():
                _write_png(folder / f"{out.stem}{kind}.png", video, _rate(record))
            _write_record(folder / f"{out.stem}.json", record)
            return f"the frames were kept as animated PNG in {folder}"
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
    return "the frames are lost: no other folder could be written in"


def _write_png(path: Path, video: np.ndarray, fps: float) -> None:
    from PIL import Image

    first, *others = map(Image.fromarray, video)
    first.save(path, save_all=True, append_images=others, duration=1000 / fps, loop=0)
