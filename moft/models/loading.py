"""A pipeline from where it lies: the miniature, a folder, or the hub."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from logging import CRITICAL
from pathlib import Path
from typing import Any

from moft.errors import BackboneError, MoftError
from moft.optional import check_importable, needs

_SMALL = 100_000_000  # weights of a model; the miniature has 4 millions, published ones thousands of millions

_SETTINGS = ["*.json", "*/*.json", "*/*.txt", "*/*.model"]  # what a pipeline has beside its weights


def load_pipeline(model: str, commit: str | None = None) -> Any:
    """The pipeline of "miniature", a folder, or (only then is anything fetched) a hub id, at a commit if one
    is given. Its folder is looked through before anything is built, so that none can run code.

    Raises BackboneError for anything else, and for a folder that `moft.models.folder` refuses, naming the
    file."""
    from moft.models.families import family_of

    needs("diffusers", "transformers")
    import torch

    local = local_folder(model)
    quiet()
    gpu = torch.cuda.is_available()
    with _translated(model), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # every release knows "torch_dtype"
        pipe = _of_folder(local or _fetched(model, commit), gpu)
        _check_whole(pipe)
    if local is None:
        pipe.register_to_config(_name_or_path=model)  # as its motion channels are kept by it
    family_of(pipe)
    return pipe.to("cuda" if gpu else "cpu")


def _of_folder(folder: Path, gpu: bool) -> Any:
    """The pipeline in a folder that holds nothing but what it should."""
    import diffusers
    import torch

    from moft.models.folder.checked import check_folder
    from moft.models.folder.classes import MODULAR, index_of
    from moft.models.folder.modular import load_modular

    variant, dtype = check_folder(folder), torch.float16 if gpu else torch.float32
    if index_of(folder).name == MODULAR:
        return load_modular(folder, dtype, variant)
    return diffusers.DiffusionPipeline.from_pretrained(
        str(folder), local_files_only=True, use_safetensors=True, variant=variant, torch_dtype=dtype
    )


def _check_whole(pipe: Any) -> None:
    """Weights that no file had are left without numbers."""
    import torch

    for part, module in pipe.components.items():
        for name, value in module.named_parameters() if isinstance(module, torch.nn.Module) else ():
            if value.is_meta:
                raise BackboneError(f"cannot load the model, {part}: expected weights for {name}, got none")


def _fetched(name: str, commit: str | None) -> Path:
    """The folder of a hub id in the hub's cache. Its index is looked at first, since older versions of
    diffusers import what it names as soon as they fetch."""
    import diffusers
    from huggingface_hub import hf_hub_download

    from moft.models.folder.classes import INDEX, pipeline_of

    pipeline_of(Path(hf_hub_download(name, INDEX, revision=commit)).parent)
    return Path(diffusers.DiffusionPipeline.download(name, revision=commit, use_safetensors=True))


@contextmanager
def _translated(model: str) -> Iterator[None]:
    """Whatever a loader raises, as an error of the model: for files that it does not take, there is no end of
    kinds, and a panic of the tokenizers is not even an Exception."""
    try:
        yield
    except MoftError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        got = f"{type(error).__name__}: {error!s:.500}"
        raise BackboneError(f"cannot load {model}: expected a diffusers pipeline, got: {got}") from error


def settings_of(name: str) -> Path:
    """The folder of a hub id with its settings and tokenizers alone, fetched into the hub's cache unless they
    are there.

    Raises BackboneError for one that is neither there nor to be had."""
    from huggingface_hub import snapshot_download

    with _translated(name):
        return Path(snapshot_download(name, allow_patterns=_SETTINGS))


def settle_threads(pipe: Any) -> None:
    """For programs of moft's own: compute on one thread where the model is so small that several would wait
    for each other longer than they work, unless the user said how many (`OMP_NUM_THREADS`)."""
    import torch

    if "OMP_NUM_THREADS" in os.environ or "MKL_NUM_THREADS" in os.environ:
        return
    parts = [part for part in pipe.components.values() if isinstance(part, torch.nn.Module)]
    if sum(weights.numel() for part in parts for weights in part.parameters()) < _SMALL:
        torch.set_num_threads(1)


def _place(model: str) -> str:
    return miniature_path() if model == "miniature" else model


def local_folder(model: str) -> Path | None:
    """The folder of a model that lies here; None for a hub id. Raises BackboneError for neither."""
    name = _place(model)
    if Path(name).is_dir():
        return Path(name)
    if model == "miniature" or not is_hub_id(model):
        raise BackboneError(
            f"no model at {name}: expected miniature, a diffusers folder, or a hub id OWNER/NAME"
        )
    return None


def model_folder(model: str, commit: str | None = None) -> str | None:
    """Where the files of a loaded model lie, those of the hub in its cache; None if that is not known."""
    name = _place(model)
    if Path(name).is_dir():
        return name
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, "model_index.json", revision=commit)
    return str(Path(found).parent) if isinstance(found, str) else None


def quiet() -> None:
    """Leave stderr to our own lines: no notices, and no bars where nobody watches.

    Raises MoftError where diffusers cannot be imported."""
    check_importable("diffusers.pipelines.pipeline_utils")  # whose own imports wait until they are used
    import diffusers
    import transformers

    for logging in (diffusers.utils.logging, transformers.utils.logging):
        logging.set_verbosity_error()
        if not sys.stderr.isatty():
            logging.disable_progress_bar()
    diffusers.utils.logging.set_verbosity(CRITICAL)  # blocks log the traceback of an error at every depth


def miniature_path(family: str = "animatediff") -> str:
    """The folder that `AnimateDiffPipeline.from_pretrained(moft.miniature_path(), local_files_only=True)`
    opens.

    "latte", for `LattePipeline`, "modelscope", for `TextToVideoSDPipeline`, "cogvideox", for
    `CogVideoXPipeline`, and "svd", for `StableVideoDiffusionPipeline`, lie in a checkout alone.
    """
    return str(Path(__file__).parents[1] / "miniature" / "weights" / family)


_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def is_hub_id(model: str) -> bool:
    """OWNER/NAME, and not a path: nothing of that name, nor a folder that would hold it, is here."""
    return bool(_HUB_ID.fullmatch(model)) and not Path(model).exists() and not Path(model).parent.exists()
