"""One run of a pipeline, whose steps are handed out as they are made."""

from __future__ import annotations

import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from moft.errors import BackboneError, MoftError, RequestError
from moft.finite import check_finite
from moft.media.files import file_digest
from moft.memory import is_out_of_memory
from moft.models.families.inputs import frames_of, inputs_of
from moft.models.prompts import Heard, heard
from moft.runs.job import Scene

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from moft.feature.model import Model
    from moft.models.pipeline import Pipeline
    from moft.steering.recording import Recording
    from moft.types import Video


FEWER = "use fewer --frames or a smaller --height and --width, or --save-memory"


class Cancelled(MoftError):
    """Raised by whoever watches a run, to end it."""


@dataclass(frozen=True)
class Step:
    """A denoising step that a run has made."""

    part: str  # "plain" or "steered"
    index: int  # how many are done, 1…count
    count: int
    latents: Tensor  # (b c f h w), as the step to come will see them


Watch = Callable[[Step], object]


@dataclass(frozen=True)
class Sampled:
    """A sampled clip and what it cost."""

    video: np.ndarray  # uint8 (f h w 3)
    seconds: float
    peak_memory_mb: float | None  # of the process so far, or of the GPU in this run
    heard: Heard = field(default_factory=Heard)  # what the text encoders were given and cut
    blank: tuple[int, ...] = ()  # frames of one colour all over
    remembered: bool = False  # made for an earlier run, with its seconds and memory

    def to_json(self) -> dict[str, Any]:
        """Everything but the pixels."""
        told: dict[str, Any] = {"seconds": self.seconds, "peak_memory_mb": self.peak_memory_mb}
        told |= {"blank_frames": list(self.blank)} if self.blank else {}
        return told | ({"remembered": True} if self.remembered else {})


def arguments(pipe: Any, scene: Scene, start: Tensor | None = None, guided: bool = False) -> dict[str, Any]:
    """The scene as this pipeline takes it.

    Args:
        start: latents (b c f h w) to start from, of an inverted clip.
        guided: follow the prompt there too; without guidance the clip comes back.

    Raises RequestError for a prompt or image that it has no use for, or needs and was not given;
    BackboneError for a pipeline that needs more.
    """
    import torch
    from einops import rearrange
    from PIL import Image

    from moft.media.reading import read_video
    from moft.models.families import INSIDE
    from moft.models.pipeline import Pipeline

    size = scene.size
    assert size is not None  # `moft.run` has seen to it
    host, takes = Pipeline(pipe), inputs_of(pipe)
    _check_start(pipe, host, scene)
    offered: dict[str, Any] = {
        "prompt": scene.prompt,
        "num_inference_steps": scene.steps,
        host.family.frames: size.frames,
        "height": size.height,
        "width": size.width,
        "output_type": "np",
        "generator": torch.Generator().manual_seed(scene.seed),
        **host.family.exactly,
    }
    if scene.image is not None:
        first = read_video(scene.image, frames=1, size=(size.height, size.width))[0]
        offered["image"] = offered["conditioning_frames"] = Image.fromarray(first)
    if scene.guidance_scale is not None:
        offered[host.guidance_name] = scene.guidance_scale
    if start is not None:
        offered["latents"] = rearrange(start, f"{INSIDE} -> {host.family.layout}")
        if not guided:
            offered[host.guidance_name] = 1.0
    negative = host.family.negative if scene.negative_prompt is None else scene.negative_prompt
    if negative is not None:
        offered["negative_prompt"] = negative
    return {name: value for name, value in offered.items() if name in takes}


def _check_start(pipe: Any, host: Pipeline, scene: Scene) -> None:
    """Raise unless the pipeline starts from what the scene gives."""
    name, takes = type(pipe).__name__, inputs_of(pipe)
    if "video" in host.family.starts_from(type(pipe)):
        raise BackboneError(f"{name} starts from a video; steer it in Python, with moft.steer(pipe, ...)")
    if scene.video is not None and host.starts_from_image:
        raise RequestError(
            f"{name} starts from an image, so it cannot be given a whole clip; leave out --video"
        )
    if scene.negative_prompt is not None and "negative_prompt" not in takes:
        raise RequestError(f"{name} takes no negative prompt; leave out --negative-prompt")
    if scene.guidance_scale is not None and host.guidance_name not in takes:
        raise RequestError(
            f"{name} takes no guidance scale; leave out --guidance-scale, and set pipe.guider in Python"
        )
    given = {"prompt": scene.prompt is not None, "image": scene.image is not None}
    wanted = {"prompt": "prompt" in takes, "image": host.starts_from_image}
    for option, want in wanted.items():
        if want != given[option]:
            starts = " and ".join(o for o, so in wanted.items() if so)
            raise RequestError(f"{name} starts from {starts}; {'pass' if want else 'leave out'} --{option}")


def sample(
    pipe: Any,
    scene: Scene,
    part: str,
    *,
    start: Tensor | None = None,
    guided: bool = False,
    watch: Watch | None = None,
) -> Sampled:
    """One run of the pipeline with the scene's seed; `start` and `guided` as of `arguments`.

    part: what it is called, "plain" say, by the pipeline's bar and to `watch`.
    Raises BackboneError for what the pipeline refuses or fails at, for frames that are no numbers or of one
    colour, and for too little memory; what `watch` raises is raised as it is."""
    import numpy as np
    import torch

    options = arguments(pipe, scene, start, guided)
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    # its own bar on stderr, if that is a terminal and nobody else shows how far it is
    pipe.set_progress_bar_config(desc=part, disable=None if watch is None else True)
    started, raised = time.perf_counter(), list[Exception]()
    try:
        with watched(pipe, part, watch and _kept(watch, raised)), heard(pipe) as texts:
            frames = frames_of(pipe, **options)[0]
    except MoftError:
        raise
    except Exception as error:
        if any(error is other for other in raised):
            raise
        if is_out_of_memory(error):
            raise BackboneError(f"out of memory while sampling the {part} run; {FEWER}") from error
        raise BackboneError(_broken(pipe, scene, error)) from error
    seconds = time.perf_counter() - started
    check_finite(torch.as_tensor(frames), f"the frames of the {part} run", pipe)
    video = (np.asarray(frames) * 255).round().clip(0, 255).astype(np.uint8)
    flat = blank(video)
    if len(flat) == len(video):
        raise BackboneError(
            f"expected pictures in the {part} run, got frames of one colour, {video[0, 0, 0].tolist()}; the "
            "autoencoder or a safety checker made them so: load the model in bfloat16 or float32, or without "
            "the checker"
        )
    return Sampled(video, seconds, _peak_memory(), texts, flat)


def blank(video: Video) -> tuple[int, ...]:
    """Which frames of a clip uint8 (f h w 3) are of one colour all over."""
    return tuple(i for i, frame in enumerate(video) if (frame == frame[0, 0]).all())


def told_of_texts(heard: Heard, scene: Scene) -> tuple[list[str], dict[str, str]]:
    """What to tell of texts that were cut or not used at all, and what was used of those that were cut, by
    the text's name and the tokenizer's."""
    notes, used = list[str](), dict[str, str]()
    text, other = scene.prompt or "", scene.negative_prompt or ""
    for cut in heard.cuts:
        negative = cut.holds(other) and not (cut.holds(text) and len(text) > len(other))
        name = "negative prompt" if negative else "prompt"
        notes.append(f"the {name} {cut}")
        used[f"{name}, {cut.tokenizer}"] = cut.used
    if other.strip() and not heard.heard(other):
        notes.append("the negative prompt was not used, as guidance is off; raise --guidance-scale above 1")
    return notes, used


def _broken(pipe: Any, scene: Scene, error: Exception) -> str:
    """What to say of an error that a pipeline itself raised."""
    name, size = type(pipe).__name__, scene.size
    if isinstance(error, ValueError):  # a size or a setting that it does not take
        return f"{name} refused: {error}"
    at = "its own size" if size is None else f"{size.frames} frames of {size.height} x {size.width}"
    return (
        f"{name} failed at {at}: {type(error).__name__}: {error}; try the size and settings that its maker "
        "names"
    )


def _kept(watch: Watch, raised: list[Exception]) -> Watch:
    """The same, keeping what it raises: that ends a run as it is."""

    def watching(step: Step) -> object:
        try:
            return watch(step)
        except Exception as error:
            raised.append(error)
            raise

    return watching


@contextmanager
def watched(pipe: Any, part: str, watch: Watch | None) -> Iterator[None]:
    """Hand every denoising step inside the block to `watch`; the latents stay as they are."""
    if watch is None:
        yield
        return
    from moft.models.attach import Between, between_steps
    from moft.models.tap import Tap

    see = watch

    class Watching(Between):
        def next(self, latents: Tensor, index: int, calls: list[Any]) -> Tensor:
            see(Step(part, index, len(self.tap.timesteps), latents))
            return latents

    with between_steps(Watching(Tap(pipe)), by_callback=False):
        yield


def _peak_memory() -> float | None:
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    if sys.platform == "win32":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


# ---------------------------------------------------------------- remembered

ROOM = 2**28  # bytes
Made = tuple[Sampled, "Recording | None"]


class Before:
    """Plain runs, remembered: jobs that ask other motions of one scene are all compared with the same one.

    Of models whose weights, scheduler and parts nobody changes meanwhile: so for a process that loads its
    models itself. The newest that have room stay.

    Args:
        room: bytes of frames and latents that are kept.
    """

    def __init__(self, room: int = sys.maxsize) -> None:
        self.room = room
        self._kept: OrderedDict[Any, Made] = OrderedDict()

    def of(
        self,
        model: Model,
        scene: Scene,
        make: Callable[[], Made],
        *,
        recorded: bool = False,
        keys: float = 0.0,
    ) -> Made:
        """The plain run of this scene, made now or remembered.

        recorded: whether what `make` gives is recorded, too, with keys and values in this share of the steps
        (as `moft.record` takes it); one that was recorded will do where that is not needed."""
        key = (model, _seen(scene), keys)
        found = self._kept.get(key)
        if found is not None and (found[1] is not None or not recorded):
            self._kept.move_to_end(key)
            return replace(found[0], remembered=True), found[1]
        made = self._kept[key] = make()
        while sum(map(_bytes, self._kept.values())) > self.room:
            self._kept.popitem(last=False)
        return made


def _seen(scene: Scene) -> Any:
    """What a plain run knows of a scene: files by what is in them."""
    files = [name and file_digest(name) for name in (scene.image, scene.video)]
    return replace(scene, fps=None, inpaint=None, inpaint_prompt=None), *files


def _bytes(made: Made) -> int:
    sampled, recording = made
    return int(sampled.video.nbytes) + (0 if recording is None else recording.nbytes)
