"""Pipelines that are put together from blocks, out of a folder that was looked through. diffusers' own loader
is not asked: it imports what an index names, and fetches parts that lie elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moft.models.folder.classes import Component, blocks_of, index_of, pipeline_of


def load_modular(root: Path, dtype: Any, variant: str | None) -> Any:
    """The pipeline, its models with weights of this type and variant, all from the folder itself."""
    pipeline, own, components = pipeline_of(root)
    parts = {part.folder.name: _loaded(part, dtype, variant) for part in components}
    pipe = put_together(pipeline, blocks_of(index_of(root), pipeline), parts, own)
    pipe.register_to_config(_name_or_path=str(root))  # as pipelines that are written whole do
    return pipe


def put_together(pipeline: Any, blocks: Any, parts: Mapping[str, Any], own: Mapping[str, Any]) -> Any:
    """A pipeline of a class of blocks, of parts by name, and of those of its own settings that they take."""
    whole = blocks()
    _hide_bars(whole)
    pipe = pipeline(blocks=whole)
    taken = {spec.name for spec in pipe.blocks.expected_configs}
    pipe.update_components(**parts, **{name: value for name, value in own.items() if name in taken})
    return pipe


def _loaded(part: Component, dtype: Any, variant: str | None) -> Any:
    weights: dict[str, Any] = {}
    if part.kind.weights is not None:
        name = "torch_dtype" if part.package == "diffusers" else "dtype"
        weights = {"use_safetensors": True, "variant": variant, name: dtype}
    return part.cls.from_pretrained(str(part.folder), local_files_only=True, **weights)


def _hide_bars(blocks: Any) -> None:
    """Where nobody watches: a pipeline asks its uppermost blocks alone, and those that loop lie deeper."""
    for block in blocks.sub_blocks.values():
        if hasattr(block, "set_progress_bar_config"):
            block.set_progress_bar_config(disable=None)
        _hide_bars(block)
