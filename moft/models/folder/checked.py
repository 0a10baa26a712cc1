"""A model's folder, looked through before anything of it is built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from moft.models.folder.building import check_builds
from moft.models.folder.classes import MODULAR, Component, blocks_of, index_of, pipeline_of
from moft.models.folder.files import check_files, read_settings, refused
from moft.models.folder.settings import check_settings
from moft.models.folder.weights import held, variant_of

MAX_TOKENS = 2**27  # bytes of a tokenizer's file; those of 256,000 words have 2**25


def check_folder(root: Path, weights: bool = True) -> str | None:
    """The variant of weights that diffusers must be asked for, such as "fp16", None for plain ones, and for a
    folder that is looked through without its `weights`, which may not be there yet.

    Raises BackboneError, naming file and field, unless the folder holds a pipeline of a known family, of
    classes of diffusers and transformers, with settings that they take and with safetensors, and nothing that
    would run code or read elsewhere.
    """
    pipeline, own, components = pipeline_of(root)
    index = index_of(root)
    check_settings(index, pipeline, own)
    if index.name == MODULAR:
        blocks_of(index, pipeline)
    for component in components:
        check_files(component.folder, root)
    variant = variant_of(components) if weights else None
    for component in components:
        _check_component(component, weights)
    return variant


def _check_component(component: Component, weights: bool) -> None:
    for path in sorted(component.folder.glob("*.json")):
        if path.stat().st_size > MAX_TOKENS:
            raise refused(path, f"expected at most {MAX_TOKENS} bytes, got {path.stat().st_size}")
    for name in ("generation_config.json", "special_tokens_map.json", "added_tokens.json"):
        if (component.folder / name).exists():
            read_settings(component.folder / name)
    if not component.settings.exists():
        if component.kind.needed:
            raise refused(component.settings, "expected settings, got no file; fetch the model again")
        return
    settings = read_settings(component.settings)
    check_settings(component.settings, component.cls, settings)
    _check_class(component, settings)
    check_builds(component, settings, held(component) if weights else None)


def _check_class(component: Component, settings: dict[str, Any]) -> None:
    """The class that a file of settings names, if it does, is one of the same package."""
    name = settings.get("_class_name")
    if name is not None and not (isinstance(name, str) and name.isidentifier()):
        raise refused(component.settings, f"_class_name: expected the name of a class, got {name!r:.100}")
