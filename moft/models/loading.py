"""A pipeline from where it lies: the miniature, a folder, or the hub."""

from __future__ import annotations

import re
import sys
import warnings
from pathlib import Path
from typing import Any

from moft.errors import BackboneError
from moft.optional import needs


def load_pipeline(model: str, commit: str | None = None) -> Any:
    """The pipeline of "miniature", a folder, or (only then is anything fetched) a hub id, at a commit if one
    is given."""
    from moft.models.families import family_of

    needs("diffusers", "transformers")
    import diffusers
    import torch

    name = _place(model)
    if not Path(name).is_dir() and (model == "miniature" or not is_hub_id(model)):
        raise BackboneError(
            f"no model at {name}: expected miniature, a diffusers folder, or a hub id OWNER/NAME"
        )
    _quiet()
    gpu = torch.cuda.is_available()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # every release knows "torch_dtype"
            pipe = diffusers.DiffusionPipeline.from_pretrained(
                name,
                local_files_only=Path(name).is_dir(),
                revision=commit,
                use_safetensors=True,
                torch_dtype=torch.float16 if gpu else torch.float32,
            )
    except (OSError, ValueError, AttributeError, ImportError) as error:
        raise BackboneError(f"cannot load {model}: expected a diffusers pipeline, got: {error}") from error
    family_of(pipe)
    return pipe.to("cuda" if gpu else "cpu")


def _place(model: str) -> str:
    return miniature_path() if model == "miniature" else model


def model_folder(model: str, commit: str | None = None) -> str | None:
    """Where the files of a loaded model lie, those of the hub in its cache; None if that is not known."""
    name = _place(model)
    if Path(name).is_dir():
        return name
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, "model_index.json", revision=commit)
    return str(Path(found).parent) if isinstance(found, str) else None


def _quiet() -> None:
    """Leave stderr to our own lines: no notices, and no bars where nobody watches."""
    import diffusers
    import transformers

    for logging in (diffusers.utils.logging, transformers.utils.logging):
        logging.set_verbosity_error()
        if not sys.stderr.isatty():
            logging.disable_progress_bar()


def miniature_path(family: str = "animatediff") -> str:
    """The folder that `AnimateDiffPipeline.from_pretrained(moft.miniature_path(), local_files_only=True)`
    opens.

    "latte", for `LattePipeline`, is unfinished and lies in a checkout alone, so that its training can go on.
    """
    return str(Path(__file__).parents[1] / "miniature" / "weights" / family)


_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def is_hub_id(model: str) -> bool:
    """OWNER/NAME, and not a path: nothing of that name, nor a folder that would hold it, is here."""
    return bool(_HUB_ID.fullmatch(model)) and not Path(model).exists() and not Path(model).parent.exists()
