"""`moft doctor`: a model looked at before it is loaded."""

from __future__ import annotations

from typing import Annotated

import typer

from moft.cli.app import AsJson, Frames, Model, Side, app
from moft.printing import in_json, show

Memory = Annotated[str | None, typer.Option(help="Of the GPU, as 12GB; default: 8, 12, 16 and 24.")]


@app.command(epilog="Example: moft doctor --model ./my-model --gpu-memory 12GB.  No weights are opened.")
def doctor(
    model: Model = "miniature",
    gpu_memory: Memory = None,
    frames: Frames = None,
    height: Side = None,
    width: Side = None,
    as_json: AsJson = False,
) -> None:
    """Say what is known of a model, what is missing, which memory and time it needs, and what to type."""
    import moft
    from moft.diagnosis.fitting import gigabytes
    from moft.diagnosis.words import described

    memory = None if gpu_memory is None else gigabytes(gpu_memory)
    found = moft.doctor(model, gpu_memory=memory, size=(frames, height, width))
    show(in_json(found.to_json()) if as_json else described(found))
