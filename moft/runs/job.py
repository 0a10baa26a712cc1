"""What is wanted of a run: a scene, requests and settings, as one value without a model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, TypeVar

from moft.errors import RecipeError, RequestError
from moft.request.along import Along
from moft.request.drag import Drag
from moft.request.fields import part, read
from moft.request.like import Like
from moft.request.parse import AnyRequest, read_requests
from moft.request.said import PLACES, check, said
from moft.steering.settings import Settings
from moft.types import ClipSize, Several

MAX_SIDE, MAX_BYTES = 2**14, 2**31  # px or frames; of video, which is what `read_video` reads
SLOWEST, FASTEST = 0.1, 240.0  # frames a second
MAX_REQUESTS = 100  # in a run, and points of a drag


@dataclass(frozen=True)
class Scene:
    """What the pipeline is asked to show; the same for the plain and the steered run.

        moft.Scene("a red ball over blue cells", seed=7)

    Raises RequestError for a size, a seed or steps out of range.
    """

    prompt: str | None = said(None, "What to show, for models that take words.")
    size: ClipSize | None = said(None, "Frames, height and width; default: the model's.", unit="frames, px")
    negative_prompt: str | None = said(None, "What not to show.")
    seed: int = said(0, "Which noise to start from.", least=0, most=2**63 - 1)
    steps: int = said(25, "Denoising steps.", least=2, most=1000)
    guidance_scale: float | None = said(
        None, "How closely to follow the prompt; default: the pipeline's.", least=-1000, most=1000
    )
    fps: float | None = said(
        None,
        "At which the clip is written; default: what its family is made for, or the rate of --video.",
        unit="frames a second",
        least=SLOWEST,
        most=FASTEST,
    )
    image: str | None = said(None, "First frame, for models that start from an image.")
    video: str | None = said(
        None, "A real clip to steer, for models sampled by DDIM: it is inverted, and its motion changed."
    )

    inpaint: str | None = said(
        None,
        "What is drawn anew, moving as asked, while all the rest stays as in the plain run or in --video: "
        f"{PLACES}.",
    )
    inpaint_prompt: str | None = said(None, "What to show there; default: the prompt.")

    def __post_init__(self) -> None:
        check(self)
        if self.inpaint_prompt is not None and self.inpaint is None:
            raise RequestError(
                "expected inpaint, the place, beside inpaint_prompt, got none; say what is drawn anew"
            )
        if self.size is not None:
            if not isinstance(self.size, ClipSize):
                raise RequestError(f"expected size as a ClipSize, got {self.size!r:.50}")
            for name, side in asdict(self.size).items():
                _within(name, side, 1, MAX_SIDE)
            _within("bytes of video", 3 * math.prod(asdict(self.size).values()), 1, MAX_BYTES)
        unguided = self.guidance_scale in (None, 1) and self.negative_prompt is None and self.image is None
        if self.video is not None and not unguided:
            raise RequestError(
                "expected a real clip to be steered without guidance, negative prompt and first frame; "
                "leave these out"
            )


@dataclass(frozen=True)
class Job:
    """All that is wanted of a run: plain JSON, no model, no torch.

        moft.Job(moft.Scene("red cells"), (moft.Motion("left"),))

    Raises RequestError for no requests, too many, and a drag beside others.
    """

    scene: Scene
    requests: Several[AnyRequest]
    settings: Settings = Settings()
    retries: int = said(
        0, "If it is not followed: so many more runs of what may help; the best is kept.", least=0, most=100
    )

    def __post_init__(self) -> None:
        check(self)
        object.__setattr__(self, "requests", tuple(self.requests))
        check_requests(self.requests)
        dragged = any(isinstance(request, Drag) for request in self.requests)
        if self.scene.inpaint is not None and (dragged or self.settings.carry):
            raise RequestError("expected inpaint without a drag or carry, got both; leave one out")

    @property
    def files(self) -> list[str]:
        """Every file and folder that is named: clips and fields to follow, masks, first frame, clip to be
        steered."""
        named = [name for request in self.requests for name in named_files(request)]
        from moft.media.region_text import region_file

        scene = (self.scene.image, self.scene.video, region_file(self.scene.inpaint))
        return list(dict.fromkeys(name for name in (*named, *scene) if name))

    def renamed(self, where: Mapping[str, str]) -> Job:
        """The same with its files at other places, by their names here; what is said behind a name stays."""
        requests = tuple(_renamed(request, where) for request in self.requests)
        return replace(self, scene=_renamed(self.scene, where), requests=requests)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; `from_json` reads it."""
        return {
            **asdict(self.scene),
            "requests": [request.to_json() for request in self.requests],
            "settings": asdict(self.settings),
            "retries": self.retries,
        }

    @classmethod
    def from_json(cls, data: Any) -> Job:
        """The inverse of `to_json`. Settings and what else has a default may be left out.

        Raises RecipeError, naming the field, for everything that is not as it should be."""
        if not isinstance(data, dict):
            raise RecipeError(f"expected a job as a JSON object, got {data!r:.100}")
        scene = read(Scene, part(Scene, data), "", {"ClipSize": ClipSize})
        settings = read(Settings, data.get("settings", {}), "settings")
        requests = read_requests(data.get("requests"))
        return read(cls, part(cls, data), "", scene=scene, settings=settings, requests=requests)


def named_files(request: AnyRequest) -> list[str]:
    """The files, and folders of masks, that a request names."""
    from moft.media.region_text import clip_part, region_file

    if isinstance(request, Drag):
        return []
    regions = [request.region, request.like_region] if isinstance(request, Like) else [request.region]
    shown = list[str]()
    if isinstance(request, Like):
        shown = [clip_part(request.like)[0]]
    elif isinstance(request, Along):
        shown = request.files
    return [name for name in (*shown, *map(region_file, regions)) if name]


_NAMING = ("like", "field", "region", "like_region", "image", "video", "inpaint")  # fields that name files
_T = TypeVar("_T", bound=Any)


def _renamed(told: _T, where: Mapping[str, str]) -> _T:
    moved: dict[str, Any] = {}
    for name in [field.name for field in fields(told) if field.name in _NAMING]:
        old = getattr(told, name)
        if not isinstance(old, str):
            continue
        file = old if old in where else old.rpartition("#")[0]
        if file in where:
            moved[name] = where[file] + old[len(file) :]
    return replace(told, **moved)


def check_requests(requests: Sequence[AnyRequest]) -> None:
    """Raise RequestError unless these can go in one run: one or more motions and clips, or one drag."""
    _within("number of requests", len(requests), 1, MAX_REQUESTS)
    for drag in (request for request in requests if isinstance(request, Drag)):
        _within("number of requests in a run with a drag", len(requests), 1, 1)
        _within("number of points", len(drag.points), 1, MAX_REQUESTS)


def _within(name: str, value: float, least: float, most: float) -> None:
    if not isinstance(value, int) or not least <= value <= most:
        raise RequestError(f"expected a finite {name} in {least}…{most}, got {value!r:.50}")
