"""Motion channels that others have found: shared by the digest of the model that they are of, through a
folder or a repository of the hub that the user names."""

from __future__ import annotations

import tempfile
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from moft.errors import BackboneError, RequestError, understood
from moft.feature.model import model_digest
from moft.feature.statistics import Statistics, channels_file
from moft.media.files import check_parent
from moft.models.loading import is_hub_id, local_folder, model_folder

_NOTE = "of_model"  # in the provenance of what is shared: the model's digest


def push(model: str, place: str) -> str:
    """Put the motion channels that are known of a model where others find them; returns under which name.

        push("./my-animatediff", "./shared")

    Args:
        model: "miniature", a folder, or a hub id whose index is in the hub's cache.
        place: a folder that is there, or a repository OWNER/NAME of the hub, which the user may write to.
    Raises:
        RequestError: no motion channels are known, no such place, or the hub does not take them.
        BackboneError: the model is not here.
        MediaError: the folder cannot be written in.
    """
    digest = _digest(model)
    found, name = Statistics.load(channels_file(_folder(model) or model)), _name(digest)
    marked = replace(found, made={**found.made, _NOTE: digest})
    if not _is_hub(place):
        marked.save(Path(place) / name)
        return name
    from huggingface_hub import HfApi

    with tempfile.TemporaryDirectory() as folder, _understood(f"put {name} into", place):
        file = Path(folder) / name
        marked.save(file)
        HfApi().upload_file(path_or_fileobj=file, path_in_repo=name, repo_id=place)
    return name


def pull(model: str, place: str, out: Path | None = None) -> tuple[Statistics, Path]:
    """Take what `push` put there for this very model; returns it, and where it lies now.

        found, where = pull("./my-animatediff", "./shared")

    Args:
        model, place: as for `push`; of a repository one file is fetched.
        out: where to keep it; None is where `moft steer` looks.
    Raises:
        RequestError: no such place, nothing of this model there, or a file that is of another or broken.
        BackboneError: the model is not here.
        MediaError: it cannot be written.
    """
    digest = _digest(model)
    name, where = _name(digest), out or channels_file(_folder(model) or model)
    if out is not None:
        check_parent(out)
    file = Path(place) / name
    if _is_hub(place):
        from huggingface_hub import hf_hub_download

        with _understood(f"take {name} from", place):
            file = Path(hf_hub_download(place, name))
    elif not file.exists():
        raise RequestError(
            f"no motion channels of this model in {place}: looked for {name}; find them with `moft channels`"
        )
    found = Statistics.load(file)
    if (of := found.made.get(_NOTE)) != digest:
        raise RequestError(
            f"cannot use {file}: expected motion channels of {digest}, got those of {of!s:.100}; "
            "find them with `moft channels`"
        )
    found.save(where)
    return found, where


def _digest(model: str) -> str:
    folder = model_folder(model)
    if folder is None:
        raise BackboneError(
            f"no files of {model} here, so it has no digest: expected a folder, or a hub id whose settings "
            "were fetched; `moft doctor` does that"
        )
    return model_digest(folder)


def _folder(model: str) -> str | None:
    """Of a model that lies in a folder of its own, and not in the hub's cache."""
    here = local_folder(model)
    return None if here is None else str(here)


def _name(digest: str) -> str:
    """Of the file, in a folder or a repository."""
    return f"{digest.replace(':', '-')}.safetensors"


def _is_hub(place: str) -> bool:
    """Raises RequestError for neither a folder nor what may be a repository."""
    if not Path(place).is_dir() and not is_hub_id(place):
        raise RequestError(
            f"cannot share through {place}: expected a folder that is there, or a repository OWNER/NAME of "
            "the hub"
        )
    return not Path(place).is_dir()


def _understood(doing: str, place: str) -> AbstractContextManager[None]:
    """Whatever the hub raises, as an error of what was asked."""
    return understood(
        lambda got: RequestError(
            f"cannot {doing} the hub's {place}: got {got}; check its name and your rights"
        )
    )
