"""The program around the nodes, if it is ComfyUI: its bar and its button to cancel."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moft.runs.sample import Step, Watch


def watch() -> Watch | None:
    """What moves ComfyUI's bar with each denoising step, and raises there if the user cancelled; None where
    ComfyUI is not loaded. A job has a plain and a steered run, of which each makes half of the bar."""
    utils = sys.modules.get("comfy.utils")
    if utils is None:
        return None
    bar = utils.ProgressBar(1)

    def moved(step: Step) -> None:
        done = step.index + (step.count if step.part == "steered" else 0)
        bar.update_absolute(done, 2 * step.count)

    return moved
