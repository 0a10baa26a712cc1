"""What lies in a folder: ordinary files, none that holds code, none that leads elsewhere; and its JSON."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from moft import plain
from moft.errors import BackboneError

MAX_FILES = 2000  # in the folder of one component; weights in a thousand parts are not known
_CODE = (".py", ".pyc", ".pyd", ".so", ".dll", ".dylib")
_ADAPTER = "adapter_config.json"  # names another model, which transformers would load in place of this one

# What makes a loader run code, open other files, or ask an address; `null` and `false` do not.
_FORBIDDEN = {
    "auto_map",
    "custom_pipeline",
    "custom_pipelines",
    "trust_remote_code",
    "transformers_weights",
    "gguf_file",
    "attn_implementation",
    "_attn_implementation",
    "_attn_implementation_internal",
    "experts_implementation",
    "_experts_implementation",
    "vocab_file",
    "merges_file",
    "tokenizer_file",
    "tokenizer_object",
    "spm_file",
    "source_spm",
    "target_spm",
}


def refused(path: Path, message: str) -> BackboneError:
    """An error about a file of a model."""
    name = f"{path.parent.name}/{path.name}"
    return BackboneError(f"cannot load the model, {name:.200}: {message}")


def read_settings(path: Path, most: int = plain.MAX_BYTES) -> dict[str, Any]:
    """The JSON object of a file of settings.

    Raises BackboneError for a file that is none, and for fields that would run code or open other files."""
    where = f"{path.parent.name}/{path.name}"
    data = plain.read(path, f"the settings {where}", most=most, error=BackboneError, foreign=True)
    if not isinstance(data, dict):
        raise refused(path, f"expected a JSON object, got {data!r:.50}")
    _check_forbidden(path, data, "")
    return data


def check_files(folder: Path, root: Path) -> None:
    """Raise BackboneError unless all in the folder of a component, at any depth, is an ordinary file of this
    model that holds no code."""
    if not folder.is_dir():
        raise refused(folder, "expected a folder of the model, got none; fetch it again")
    seen = 0
    for at, folders, names in os.walk(folder):
        for name in (*folders, *names):
            seen += 1
            if seen > MAX_FILES:
                raise refused(folder, f"expected at most {MAX_FILES} files in it, got more")
            check_file(Path(at, name), root, kind=stat.S_ISDIR if name in folders else stat.S_ISREG)


def check_file(path: Path, root: Path, kind: Any = stat.S_ISREG) -> None:
    """Raise BackboneError unless this is an ordinary file (or folder) in the model's, and holds no code."""
    if path.suffix.lower() in _CODE or path.name == "__pycache__":
        raise refused(path, "it holds code, which moft does not run; remove it")
    if path.name == _ADAPTER:
        raise refused(path, "it names another model; merge the adapter into the weights")
    try:
        target = path.resolve(strict=True)
        fits = kind(target.stat().st_mode)
    except (OSError, RuntimeError):  # a link to nothing, or in circles
        fits = False
    if not fits:
        raise refused(path, "expected an ordinary file, got a broken link, a pipe or a device")
    if not any(target.is_relative_to(place) for place in _places(root)):
        raise refused(path, f"expected a file in the model's folder, got a link to {target}; copy it there")


def _places(root: Path) -> tuple[Path, ...]:
    """Where a model's files may lie; the hub's cache keeps them apart from the names that they have."""
    whole = root.resolve()
    return (whole, whole.parent.parent / "blobs") if whole.parent.name == "snapshots" else (whole,)


def _check_forbidden(path: Path, value: Any, where: str) -> None:
    if isinstance(value, list):
        for item in value:
            _check_forbidden(path, item, where)
        return
    for name, inner in value.items() if isinstance(value, dict) else ():
        if name in _FORBIDDEN and inner not in (None, False):
            raise refused(
                path,
                f"{where}{name}: expected no such field, as it runs code or opens other files; remove it",
            )
        _check_forbidden(path, inner, f"{where}{name:.50}.")
