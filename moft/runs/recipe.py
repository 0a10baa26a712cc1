"""Recipes: all that a clip was made from, carried in its file and in the record beside it; read back with
trust in nothing.

A recipe is JSON, in a clip the tag `comment`: the one that every container keeps, even when another program
copies the streams. What it names, masks, clips, a model, is named by file and by digest, and is not in it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moft import plain
from moft.errors import MediaError, RecipeError, RequestError
from moft.media.files import file_digest
from moft.provenance import versions
from moft.request.fields import part, read
from moft.request.like import Like
from moft.request.parse import AnyRequest, read_request, read_requests
from moft.runs.formats import FORMAT, as_then
from moft.runs.job import Job, Scene, check_requests
from moft.steering.settings import Settings
from moft.types import Several

if TYPE_CHECKING:
    from moft.feature.model import Model

_OLD_RATE = 8.0  # frames a second at which everything was written up to format 3
MAX_THREADS = 1024
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|commit:[0-9a-f]{40}")


# ---------------------------------------------------------------- what a clip is made from


@dataclass(frozen=True)
class Recipe:
    """All that a clip was made from. Digests are "sha256:…", or for a model of the hub "commit:…".

    Raises RequestError for a file without a digest, for a digest that is none, and for a place on another
    machine.
    """

    scene: Scene
    requests: Several[AnyRequest]  # one or more, or one drag
    settings: Settings
    model: str  # "miniature", a folder, or a hub id
    model_digest: str | None  # None: not known
    channels: str | None  # file name of the motion channels; None: the model's own
    channels_digest: str  # of their numbers, wherever they lie
    inputs: dict[str, str]  # digest of every file, or folder of masks, that was named
    versions: dict[str, str]
    threads: int  # of torch on the processor, 1…MAX_THREADS
    frames_digest: str | None = None  # of the steered frames before they are encoded; None: not made yet
    used: dict[str, str] = field(
        default_factory=dict
    )  # of texts longer than a text encoder takes, what it took

    def __post_init__(self) -> None:
        check_requests(self.requests)
        if self.scene.size is None:
            raise RequestError("size: expected frames, height and width, got none")
        digests = {
            **{f"inputs {name!r}": digest for name, digest in self.inputs.items()},
            **{name: getattr(self, name) for name in ("model_digest", "channels_digest", "frames_digest")},
        }
        for name, digest in digests.items():
            if digest is not None and not _DIGEST.fullmatch(digest):
                raise RequestError(
                    f"{name}: expected sha256:… or commit:… in hexadecimal, got {digest!r:.50}"
                )
        if set(self.inputs) != set(self.files):
            raise RequestError(
                f"inputs: expected a digest each for {self.files}, got {list(self.inputs)!r:.200}"
            )
        for name in (*self.files, self.model):
            if name.startswith(("//", "\\\\")):  # Windows would ask that machine, with the user's name
                raise RequestError(f"expected files of this machine, got {name!r:.200}")
        if not 1 <= self.threads <= MAX_THREADS:
            raise RequestError(f"expected threads in 1…{MAX_THREADS}, got {self.threads}")

    @classmethod
    def of(cls, model: Model, job: Job) -> Recipe:
        """The recipe of a run that is about to start, on this machine.

        Raises RecipeError for a file that is not there, and for a recipe above MAX_BYTES."""
        import torch

        names = [*job.files, *([model.channels] if model.channels else [])]
        recipe = cls(
            job.scene,
            job.requests,
            job.settings,
            model.name,
            model.digest,
            model.channels,
            model.statistics.digest,
            {name: file_digest(name) for name in names},
            versions(),
            torch.get_num_threads(),
        )
        embedded(recipe.to_json())
        return recipe

    @property
    def job(self) -> Job:
        """What was wanted."""
        return Job(self.scene, self.requests, self.settings)

    @property
    def files(self) -> list[str]:
        """Every file and folder that is named: clips and fields to follow, masks, first frame, clip to be
        steered, motion channels."""
        return list(dict.fromkeys([*self.job.files, *([self.channels] if self.channels else [])]))

    def located(self, folder: Path) -> Recipe:
        """The same with its files where they are now: where they were, or by their bare names in `folder`.

        Raises RecipeError for a file that is in neither place as it was."""
        where = {name: _found(name, digest, folder) for name, digest in self.inputs.items()}
        job = self.job.renamed(where)
        return replace(
            self,
            scene=job.scene,
            channels=where[self.channels] if self.channels else None,
            requests=job.requests,
            inputs={where[name]: digest for name, digest in self.inputs.items()},
        )

    def without_channels(self) -> Recipe:
        """The same with the model's own motion channels instead of a file."""
        inputs = {name: digest for name, digest in self.inputs.items() if name != self.channels}
        return replace(self, channels=None, inputs=inputs)

    def differences(self, now: Recipe) -> Iterator[str]:
        """What is another than here and now, in words: versions, the model, its channels."""
        for name in sorted({*self.versions, *now.versions}):
            then, here = self.versions.get(name, "nothing"), now.versions.get(name, "nothing")
            if then != here:
                yield f"made with {name} {then}, replayed with {here}"
        for name in ("model", "channels"):
            then, here = (getattr(r, f"{name}_digest") or "unknown" for r in (self, now))
            if then != here or "unknown" in (then, here):
                yield f"{name}: expected {then}, got {here}; the clip will be another one"

    def to_json(self) -> dict[str, Any]:
        """Flat, as in the record beside a clip; `from_json` reads it."""
        return {
            "recipe": FORMAT,
            "model": self.model,
            "model_digest": self.model_digest,
            **asdict(self.scene),
            "requests": [request.to_json() for request in self.requests],
            "settings": asdict(self.settings),
            "channels": self.channels,
            "channels_digest": self.channels_digest,
            "inputs": self.inputs,
            "versions": self.versions,
            "threads": self.threads,
            "frames_digest": self.frames_digest,
            "used": self.used,
        }

    @classmethod
    def from_json(cls, data: Any) -> Recipe:
        """The inverse of `to_json`; what a record says beyond the recipe is passed over.

        Raises RecipeError, naming the field, for everything that is missing or not as it should be."""
        names = {"AnyRequest": AnyRequest}
        if not isinstance(data, dict) or "recipe" not in data:
            raise RecipeError('expected a recipe of moft, with "recipe" among its keys; got another JSON')
        if data["recipe"] not in range(1, FORMAT + 1) or isinstance(data["recipe"], bool):
            raise RecipeError(
                f"recipe: expected a format up to {FORMAT}, got {data['recipe']!r:.50}; update moft"
            )
        for name in ("prompt", "size"):  # a job may leave them out, a recipe says them
            _need(data, name)
        if data["recipe"] < 4:
            data = {"fps": _OLD_RATE, **data}
        scene = read(Scene, part(Scene, data), "", names)
        settings = read(Settings, _need(data, "settings"), "settings")
        if data["recipe"] == 1:
            wanted: tuple[AnyRequest, ...] = (_of_first_format(_need(data, "request"), scene.size.frames),)
        else:
            wanted = read_requests(_need(data, "requests"))
        settings, wanted = as_then(settings, wanted, data["recipe"])
        return read(cls, part(cls, data), "", names, scene=scene, requests=wanted, settings=settings)


def _of_first_format(value: Any, frames: int) -> AnyRequest:
    """A clip was followed from its first frame, without being resampled."""
    found = read_request(value, "request")
    try:
        return replace(found, like_frames=(0, frames)) if isinstance(found, Like) else found
    except RequestError as error:
        raise RecipeError(f"request: {error}") from error


# ---------------------------------------------------------------- reading


def read_recipe(path: str | os.PathLike[str]) -> Recipe:
    """The recipe in a clip (mp4, webm, mkv, gif) or in the record beside it, told apart by content.

    Raises RecipeError if there is none, or none that is whole; MediaError for a file that is neither. Nothing
    that the recipe names is opened.
    """
    from moft.media.reading import read_metadata

    name = os.fspath(path)
    text: bytes | str | None = _json_text(name)
    if text is None:
        text = comment = read_metadata(name).get("comment", "")
        if not comment.startswith("{"):
            raise RecipeError(
                f"no recipe in {name}: expected one in its comment, got {comment!r:.50}; "
                "pass the .json beside the original"
            )
    try:
        return Recipe.from_json(plain.parse(text))
    except RecipeError as error:
        raise RecipeError(f"cannot use the recipe in {name}: {error}") from error
    except ValueError as error:
        raise RecipeError(f"cannot read the recipe in {name}: expected JSON, got {error!s:.200}") from error


def _json_text(name: str) -> bytes | None:
    """The text of a file that starts as a JSON object does; None for any other, `read_metadata` says what is
    wrong."""
    if not os.path.isfile(name):
        return None
    try:
        with open(name, "rb") as file:
            head = file.read(plain.MAX_BYTES + 1)
    except OSError as error:
        raise RecipeError(f"cannot read {name}: {error.strerror}; check the path") from error
    if not head.lstrip().startswith(b"{"):
        return None
    if len(head) > plain.MAX_BYTES:
        raise RecipeError(
            f"cannot read {name}: expected a recipe of at most {plain.MAX_BYTES} bytes, got more"
        )
    return head


def _need(data: dict[str, Any], name: str) -> Any:
    if name not in data:
        raise RecipeError(f"{name}: expected it among the keys, got nothing")
    return data[name]


# ---------------------------------------------------------------- writing


def embedded(record: dict[str, Any]) -> str:
    """The recipe in a record as a tag of a clip: ASCII, so that no container mangles it.

    Raises RecipeError above `moft.plain.MAX_BYTES`, which `read_recipe` would not read."""
    names = ["recipe", "settings", *(field.name for cls in (Recipe, Scene) for field in fields(cls))]
    values = {name: record[name] for name in names if name in record}
    try:
        text = json.dumps(values, separators=(",", ":"), allow_nan=False)
    except ValueError as error:  # NaN would become null, and null another run
        raise RecipeError(
            f"expected finite numbers in a recipe, got {values!r:.300}; mend the one"
        ) from error
    if len(text) > plain.MAX_BYTES:
        raise RecipeError(
            f"expected a recipe of at most {plain.MAX_BYTES} bytes, got {len(text)}; "
            "shorten the path or prompt"
        )
    return text


# ---------------------------------------------------------------- digests and versions


def _digest_if_any(place: str) -> str | None:
    try:
        return file_digest(place)
    except MediaError:  # a folder that is none of masks
        return None


def _found(name: str, digest: str, folder: Path) -> str:
    changed = False
    # Joined, not normalised: "./box:1" would become the text of a region.
    for place in (name, os.path.join(folder, Path(name).name)):
        if os.path.exists(place):  # Path.exists raises where a name is too long
            if _digest_if_any(place) == digest:
                return place
            changed = True
    got = "another file of that name" if changed else "no such file"
    raise RecipeError(
        f"cannot replay without {name:.200}: expected the file as it was ({digest:.19}…), got {got}; "
        f"put it back, or in {folder}"
    )
