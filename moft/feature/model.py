"""A pipeline and what is known of its motion: the one value that commands, pages and runs are given."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moft.media.files import file_digest
from moft.models.families import family_of
from moft.models.folder.classes import index_of
from moft.models.loading import load_pipeline, model_folder
from moft.models.size import clip_size
from moft.provenance import digest_of

if TYPE_CHECKING:
    from moft.feature.statistics import Statistics
    from moft.models.tap import Tap
    from moft.types import ClipSize

_HASHED = (".json", ".safetensors", ".txt", ".model")  # of the files that were counted up to 0.1.0


@dataclass(frozen=True, eq=False)
class Model:
    """A pipeline, where it came from, and its motion channels.

    `moft.load` makes one; `Model(pipe)` takes a pipeline that is there already.
    """

    pipe: Any  # a diffusers video pipeline of a known family
    name: str = "unnamed"  # "miniature", a folder, or a hub id
    commit: str | None = None  # of a hub id
    channels: str | None = None  # file of the motion channels; None: the model's own
    given: Statistics | None = field(default=None, repr=False)  # motion channels that are in no file

    @cached_property
    def statistics(self) -> Statistics:
        """Its motion channels: given, of the file, or shipped with or computed for the model.

        Raises RequestError if none are known."""
        from moft.feature.statistics import Statistics, find_statistics

        if self.given is not None:
            return self.given
        return Statistics.load(self.channels) if self.channels else find_statistics(self.pipe)

    @property
    def fps(self) -> float:
        """Frames a second at which its clips are meant to be seen."""
        return family_of(self.pipe).fps

    @property
    def folder(self) -> str | None:
        """Where its files lie, those of the hub in its cache; None if that is not known."""
        return model_folder(self.name, self.commit)

    @cached_property
    def digest(self) -> str | None:
        """Its commit "commit:…" if it is a snapshot of the hub, else "sha256:…" of all files in its
        folders; None if that is not known. Reads every byte of the weights, once."""
        return None if self.folder is None else model_digest(self.folder)

    def tap(self, layer: str | None = None, timestep: int | None = None) -> Tap:
        """Its denoiser, read at a layer; None is the family's default."""
        from moft.models.tap import Tap

        return Tap(self.pipe, layer, timestep)

    def size(
        self,
        frames: int | None = None,
        height: int | None = None,
        width: int | None = None,
        *,
        own: bool = False,
    ) -> ClipSize:
        """The size to sample at, frames and px: as asked, else that at which its motion channels were found,
        else its own (`own`: without asking for motion channels).

        Raises RequestError for what it cannot sample."""
        return clip_size(self.pipe, frames, height, width, {} if own else self.statistics.made)


def model_digest(folder: str, *, older: bool = False) -> str:
    """Of a diffusers folder; see `Model.digest`.

    All files in its folders count, at any depth and whatever they are called, and code beside them; `older`:
    those alone that moft counted up to 0.1.0. Both are one digest where there are no others. What else lies
    beside the folders, such as motion channels, no loader reads, and has digests of its own; a folder with a
    dot is another program's.
    """
    root = Path(folder)
    if root.parent.name == "snapshots" and re.fullmatch("[0-9a-f]{40}", root.name):
        return f"commit:{root.name}"
    found = [p for p in root.glob("*/*") if p.suffix in _HASHED] if older else _all_files(root)
    named = [index_of(root), *sorted(p for p in found if p.is_file())]
    return digest_of([(p.relative_to(root).as_posix(), file_digest(p)) for p in named])


def _all_files(root: Path) -> list[Path]:
    inner = [p for p in root.glob("*/**/*") if not p.relative_to(root).parts[0].startswith(".")]
    return [*root.glob("*.py"), *inner]


def load(
    name: str | os.PathLike[str] = "miniature",
    *,
    channels: str | os.PathLike[str] | None = None,
    commit: str | None = None,
) -> Model:
    """A model by its name.

        model = moft.load("miniature")
        run = moft.run(model, moft.Job(moft.Scene("a red ball over blue cells"), (moft.Motion("left"),)))

    Args:
        name: "miniature", a diffusers folder, or a hub id OWNER/NAME: only then is anything fetched.
        channels: file of motion channels; None takes those that lie beside the model.
        commit: of a hub id.
    Raises:
        BackboneError: no such model, or one of an unknown family.
    """
    name = os.fspath(name)
    pipe = load_pipeline(name, commit)
    return Model(pipe, name, commit, None if channels is None else os.fspath(Path(channels)))
