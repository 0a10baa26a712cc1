"""What the page is told of a model, once it is loaded."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from moft.errors import MoftError
from moft.interpreter.viewpoint import TIMESTEPS, ExplainSettings, choose_viewpoint
from moft.models.families import family_of
from moft.models.families.inputs import inputs_of
from moft.models.pipeline import Pipeline
from moft.provenance import versions

if TYPE_CHECKING:
    from moft.feature.model import Model


def facts_of(model: Model) -> dict[str, Any]:
    """As plain JSON values; the layers and timestep that `moft explain` would look at among them."""
    import torch

    host, family = Pipeline(model.pipe), family_of(model.pipe)
    takes = inputs_of(model.pipe)
    starts = {"prompt": "prompt" in takes, "image": host.starts_from_image}
    view = choose_viewpoint(model, ExplainSettings(), lambda line: None)
    return {
        "name": model.name,
        "family": family.name,
        "size": asdict(model.size()),
        "fps": model.fps,
        "frames_per_latent": family.frame_stride,
        "starts_from": [name for name, so in starts.items() if so],
        "video": _inverts(host),
        "layers": list(view.layers),
        "look": {
            "layer": view.layer,
            "content_layer": view.content_layer,
            "timestep": view.timestep,
            "timesteps": list(TIMESTEPS),
        },
        "digest": model.digest,
        "channels_digest": model.statistics.digest,
        "versions": versions(),
        "threads": torch.get_num_threads(),
    }


def _inverts(host: Pipeline) -> bool:
    """Whether real clips can be inverted for it, and so steered."""
    if host.starts_from_image:
        return False
    try:
        host.ddim(2)
    except MoftError:
        return False
    return True
