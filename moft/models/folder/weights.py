"""The weights in a folder: safetensors that are what their headers say, and which variant of them to load."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moft.errors import BackboneError
from moft.models.folder.classes import Component
from moft.models.folder.files import read_settings, refused

MAX_INDEX = 2**24  # bytes; a name and a file for each tensor
_OTHERS = (".bin", ".ckpt", ".pt", ".pth", ".msgpack", ".h5", ".onnx", ".gguf")
_CONVERT = "convert them (the index of errors says how), or fetch the safetensors"


@dataclass(frozen=True)
class Held:
    """What a component's safetensors files hold, by their headers."""

    shapes: dict[str, tuple[int, ...]]
    size: int  # bytes


def held(component: Component) -> Held:
    """What there is of weights, all parts and variants of them.

    Raises BackboneError for files that are not what their headers say, and for an index that names others."""
    from safetensors import safe_open

    shapes, size = dict[str, tuple[int, ...]](), 0
    for path in sorted(component.folder.glob("*.safetensors")):
        try:
            with safe_open(path, "pt") as file:
                for name in file.keys():  # noqa: SIM118
                    shapes[name] = tuple(file.get_slice(name).get_shape())
        except Exception as error:  # safetensors has many for a file that is bent
            raise refused(path, f"expected a whole safetensors file, got {error!s:.200}") from error
        size += path.stat().st_size
    for path in sorted(component.folder.glob("*.safetensors.index*.json")):
        _check_index(path)
    return Held(shapes, size)


def variant_of(components: Sequence[Component]) -> str | None:
    """The variant to ask diffusers for, such as "fp16": None if every component has plain weights.

    Raises BackboneError where weights are missing, or are not safetensors."""
    lacking = [part for part in components if part.kind.weights and not _plain(part)]
    if not lacking:
        return None
    common = set.intersection(*(_variants(part) for part in lacking))
    if common:
        return "fp16" if "fp16" in common else min(common)
    for part in lacking:
        if not _variants(part):
            others = [path.name for path in part.folder.iterdir() if path.suffix in _OTHERS]
            if others:
                raise refused(part.folder, f"expected weights as safetensors, got {others[0]}; {_CONVERT}")
            name = f"{part.kind.weights}.safetensors"
            raise refused(part.folder, f"expected weights, {name}, got none; fetch the model again")
    names = ", ".join(sorted(part.folder.name for part in lacking))
    raise BackboneError(f"expected weights of one variant in {names}, got none that all have; fetch one")


def _plain(part: Component) -> bool:
    stem = part.folder / f"{part.kind.weights}.safetensors"
    return stem.exists() or stem.with_name(f"{stem.name}.index.json").exists()


def _variants(part: Component) -> set[str]:
    stem = re.escape(part.kind.weights or "")
    pattern = re.compile(rf"{stem}\.(\w+)\.safetensors|{stem}\.safetensors\.index\.(\w+)\.json")
    found = (pattern.fullmatch(path.name) for path in part.folder.iterdir())
    return {match[1] or match[2] for match in found if match}


def _check_index(path: Path) -> None:
    """Weights in parts: every part is a safetensors file beside the index."""
    parts: Any = read_settings(path, most=MAX_INDEX).get("weight_map")
    if not isinstance(parts, dict) or not parts:
        raise refused(path, f"weight_map: expected the file of each tensor, got {parts!r:.50}")
    for name, part in parts.items():
        if not isinstance(part, str) or not part.endswith(".safetensors") or Path(part).name != part:
            raise refused(
                path, f"weight_map.{name:.50}: expected a safetensors file beside it, got {part!r:.100}"
            )
    for part in sorted(set(parts.values())):
        if not (path.parent / part).is_file():
            raise refused(path, f"weight_map: expected the file {part:.100} beside it, got none")
