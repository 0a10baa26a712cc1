"""A pipeline put together from a folder's settings, its networks hollow: no weights are opened."""

from __future__ import annotations

import inspect
from functools import partial
from pathlib import Path
from typing import Any

import torch

from moft.diagnosis.hollow import Hollow, hollow
from moft.models.folder.classes import MODULAR, Component, blocks_of, index_of, pipeline_of
from moft.models.folder.files import read_settings
from moft.models.folder.modular import put_together


def assembled(root: Path, dtype: torch.dtype) -> tuple[Any, dict[str, Hollow]]:
    """The pipeline of a folder that `moft.models.folder` has looked through, and its networks by name.

    dtype: of the weights. Raises BackboneError for networks that cannot be built without weights."""
    cls, own, components = pipeline_of(root)
    networks: dict[str, Hollow] = {}
    parts: dict[str, Any] = {}
    for component in components:
        name = component.folder.name
        if component.kind.weights is None:  # schedulers and tokenizers, which have numbers
            parts[name] = component.cls.from_pretrained(str(component.folder), local_files_only=True)
        else:
            networks[name] = hollow(partial(_built, component), dtype, name)
            parts[name] = networks[name].module
    on_paper = type(cls.__name__, (cls,), {"_execution_device": torch.device("cpu")})
    index = index_of(root)
    if index.name == MODULAR:
        pipe = put_together(on_paper, blocks_of(index, cls), parts, own)
    else:
        takes = inspect.signature(cls.__init__).parameters
        absent = {name: None for name in takes if name in cls._optional_components and name not in parts}
        pipe = on_paper(**{**absent, **parts, **{name: own[name] for name in own if name in takes}})
    pipe.set_progress_bar_config(disable=True)
    return pipe, networks


def _built(component: Component) -> Any:
    settings = read_settings(component.settings)
    if component.package == "diffusers":
        return component.cls.from_config(settings)
    return component.cls(component.cls.config_class.from_dict(settings))
