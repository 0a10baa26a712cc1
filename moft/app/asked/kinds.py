"""What the worker is asked, by kind: `steer` and `plain`, which are jobs of a batch (`moft.batch.work.Work`;
of a plain one the scene alone counts), and what only the app asks. The note of a row of the store says
which."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TypeVar

from moft import plain
from moft.errors import RecipeError
from moft.feature.checks import check_place
from moft.provenance import digest_of
from moft.request.fields import read

CLIPS = ("steer", "plain")  # kinds that make clips, which the history shows
FIRST = ("model", "look", "plane")  # kinds that go before them: somebody waits at the page

T = TypeVar("T")


@dataclass(frozen=True)
class OfModel:
    """Asked of a model, or of it with motion channels from a file."""

    model: str
    channels: str | None

    @property
    def source(self) -> tuple[str, str | None]:
        """What has to be loaded for it."""
        return self.model, self.channels

    @property
    def name(self) -> str:
        """Tells it from any other."""
        return digest_of([type(self).__name__, asdict(self)]).removeprefix("sha256:")[:20]

    def to_json(self) -> str:
        """As the store keeps it."""
        return json.dumps(asdict(self), separators=(",", ":"))


@dataclass(frozen=True)
class Facts(OfModel):
    """What the page is told of a model."""


@dataclass(frozen=True)
class Looked(OfModel):
    """What a layer makes of a clip. Raises RequestError for no layer, and for a timestep outside 0…1000."""

    media: str  # id
    file: str  # its place in the folder
    layer: str
    timestep: int

    def __post_init__(self) -> None:
        check_place(self.layer, self.timestep)


@dataclass(frozen=True)
class Planed(OfModel):
    """What a layer makes of photographs panned in known directions. Raises as `Looked` does."""

    layer: str
    timestep: int

    def __post_init__(self) -> None:
        check_place(self.layer, self.timestep)


def parse(cls: Callable[..., T], text: str) -> T:
    """One of these out of the JSON that a store keeps. Raises RecipeError, naming the field, for others."""
    try:
        found: T = read(cls, plain.parse(text), "")
    except RecipeError:
        raise
    except ValueError as error:
        raise RecipeError(f"expected a job, got {error!s:.300}") from error
    return found
