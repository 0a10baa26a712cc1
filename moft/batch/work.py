"""A job and the model that it is for: what a line of a manifest says, and a row of the store keeps."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from moft import __version__, plain
from moft.errors import RecipeError
from moft.media.files import file_digest
from moft.provenance import digest_of
from moft.request.fields import read
from moft.runs.job import Job, Scene

if TYPE_CHECKING:
    from moft.feature.model import Model

_OURS = ("model", "channels", "sides", "axes", "inputs")
_SIDES = {"frames", "height", "width"}
KEYS = (*(f.name for cls in (Scene, Job) for f in fields(cls) if f.name != "scene"), *_OURS)
KEY_LENGTH = 20  # hexadecimal digits: among a million jobs two are alike by chance once in 10**12 manifests


@dataclass(frozen=True)
class Work:
    """What is to be made, of which model.

    Raises RecipeError, naming the field, where JSON is not as it should be.
    """

    job: Job
    model: str = "miniature"  # or a folder, or a hub id
    channels: str | None = None  # file of motion channels; None: the model's own
    sides: dict[str, int] = field(default_factory=dict)  # of frames, height, width those that are said, if
    # the job has no size; the others are the model's
    axes: dict[str, Any] = field(default_factory=dict)  # what was varied in a sweep, by name
    inputs: dict[str, str] = field(default_factory=dict)  # digest of every file named, when it was checked

    def __post_init__(self) -> None:
        if self.sides and (self.job.scene.size is not None or not self.sides.keys() <= _SIDES):
            raise RecipeError(
                f"sides: expected some of frames, height and width, and no size beside them, got {self.sides}"
            )

    @property
    def files(self) -> list[str]:
        """Every file and folder that is named."""
        return [*self.job.files, *([self.channels] if self.channels else [])]

    @property
    def source(self) -> tuple[str, str | None]:
        """What has to be loaded for it."""
        return self.model, self.channels

    def to_json(self) -> dict[str, Any]:
        """One flat object: the job's, and beside it what else there is."""
        ours = {name: value for name in _OURS if (value := getattr(self, name))}
        return {**self.job.to_json(), **ours}

    @classmethod
    def from_json(cls, data: Any) -> Work:
        """The inverse of `to_json`; what has a default may be left out, and nothing else may be there."""
        if not isinstance(data, dict):
            raise RecipeError(f"expected a job as a JSON object, got {data!r:.100}")
        for name in data.keys() - set(KEYS):
            raise RecipeError(f"{name:.50}: unknown; expected keys among {', '.join(KEYS)}")
        ours = {name: data[name] for name in _OURS if name in data}
        found: Work = read(cls, ours, "", {"Job": Job}, job=Job.from_json(data))
        return found

    @classmethod
    def parse(cls, text: str) -> Work:
        """Of the JSON that a store keeps."""
        try:
            return cls.from_json(plain.parse(text))
        except ValueError as error:
            raise RecipeError(f"expected a job, got {error!s:.300}") from error

    def ready(self, model: Model, digests: dict[str, str]) -> Work:
        """The same at the size of its model and with the digests of its files, which are kept in `digests`,
        so that each file is read once.

        Raises MoftError for a file that is not there, and for what the model does not take."""
        from moft.runs.sample import arguments

        size = self.job.scene.size
        size = model.size(**(self.sides if size is None else asdict(size)))
        job = replace(self.job, scene=replace(self.job.scene, size=size))
        for name in self.files:
            if name not in digests:
                digests[name] = file_digest(name)
        arguments(model.pipe, job.scene)
        return replace(self, job=job, sides={}, inputs={name: digests[name] for name in self.files})

    def key(self, model: Model) -> str:
        """The digest of all that decides what comes of it: job, files, model, version. Of one that is
        `ready`."""
        of_model = model.digest or f"{model.name} {model.commit}"
        parts = [self.job.to_json(), self.inputs, of_model, model.statistics.digest, __version__]
        return digest_of(parts).removeprefix("sha256:")[:KEY_LENGTH]

    def row(self, model: Model, note: str = "") -> tuple[str, str, str]:
        """What `Store.add` takes, of one that is `ready`."""
        return self.key(model), json.dumps(self.to_json(), separators=(",", ":")), note

    def check_inputs(self) -> None:
        """Raise RecipeError for a file that is another than when the job was checked."""
        for name, digest in self.inputs.items():
            if file_digest(name) != digest:
                raise RecipeError(
                    f"expected {name} as it was when the job was checked ({digest:.19}…), got another file "
                    "of that name; put it back, or ask for the job anew"
                )
