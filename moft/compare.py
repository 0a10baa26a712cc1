"""A plain and a steered run from one seed, measured and written side by side. The command line and the demo call it."""

from __future__ import annotations

import inspect
import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moft.errors import BackboneError, MediaError, MoftError, RecipeError, RequestError
from moft.motion import Motion
from moft.outcome import Asked, lay_out, overall, remedies, standing
from moft.recipe import Recipe, Request, Scene, command, embedded, frames_digest, is_hub_id, on_threads

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from moft.between import Recording
    from moft.channels import Statistics
    from moft.guidance import Report, Settings
    from moft.tap import ClipSize

SUFFIXES = (".mp4", ".webm", ".gif")


# ---------------------------------------------------------------- models


def load_pipeline(model: str, commit: str | None = None) -> Any:
    """The pipeline of "miniature", a folder, or (only then is anything fetched) a hub id, at a commit if one is given."""
    from moft.backbones import family_of

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
    from moft.miniature import miniature_path

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


def needs(*modules: str) -> None:
    """Raise MoftError, naming the extra to install, if an optional module is missing."""
    homes = {
        "diffusers": "diffusers",
        "transformers": "diffusers",
        "cv2": "flow",
        "matplotlib": "explain",
        "jinja2": "explain",
        "sklearn": "explain",
        "skimage": "photos",
    }
    for module in modules:
        if find_spec(module) is None:
            raise MoftError(f"{module} is not installed; pip install 'moft[{homes[module]}]'")


def clip_size(
    pipe: Any, frames: int | None, height: int | None, width: int | None, made: dict[str, Any]
) -> ClipSize:
    """Size to sample: as asked, else that at which motion channels were found (`made`), else the model's own.

    Raises RequestError for what is too small or no whole number of latent cells."""
    from moft.backbones import family_of
    from moft.tap import ClipSize, pixels_per_cell

    family, unit = family_of(pipe), pixels_per_cell(pipe)
    usual = {name: p.default for name, p in inspect.signature(pipe.__call__).parameters.items()}
    config = getattr(pipe, family.attribute).config
    first, stride = family.first_frames, family.frame_stride

    def side(name: str) -> int:
        cells = config.get(f"sample_{name}") or config.get("sample_size")
        model = cells * unit if isinstance(cells, int) else getattr(pipe, f"default_{name}", 512)
        return usual.get(name) or model

    own = next((config[name] for name in ("num_frames", "video_length") if config.get(name)), None)
    length = frames or made.get("frames") or own or usual.get(family.frames) or first + 15 // stride * stride
    found = made.get("size") or (None, None)
    size = ClipSize(length, height or found[0] or side("height"), width or found[1] or side("width"))
    if (size.frames - first) % stride:
        raise RequestError(f"expected {first} + a multiple of {stride} frames, got {size.frames}")
    if size.frames < 2 or size.side < 16 or size.height % unit or size.width % unit:
        got = f"{size.frames} frames of {size.height} x {size.width}"
        raise RequestError(
            f"expected 2 frames or more and sides of 16 px or more, multiples of {unit}; got {got}"
        )
    return size


# ---------------------------------------------------------------- steering


@dataclass(frozen=True)
class Run:
    """A sampled clip and what it cost."""

    video: np.ndarray  # uint8 (f h w 3)
    seconds: float
    peak_memory_mb: float | None  # of the process so far, or of the GPU in this run

    def to_json(self) -> dict[str, Any]:
        """Everything but the pixels."""
        return {"seconds": self.seconds, "peak_memory_mb": self.peak_memory_mb}


def arguments(pipe: Any, scene: Scene, start: Tensor | None = None) -> dict[str, Any]:
    """The scene as this pipeline takes it; `start`: latents (b c f h w) to start from, of an inverted clip.

    Raises RequestError for a prompt or image that it has no use for, or needs and was not given; BackboneError for a
    pipeline that needs more.
    """
    import torch
    from einops import rearrange
    from PIL import Image

    from moft.backbones import INSIDE
    from moft.tap import Tap
    from moft.video import read_video

    tap, size, takes = Tap(pipe), scene.size, inspect.signature(pipe.__call__).parameters
    name = type(pipe).__name__
    if "video" in tap.family.pipelines.get(name, ""):
        raise BackboneError(f"{name} starts from a video; steer it in Python, with moft.steer(pipe, ...)")
    if scene.video is not None and tap.starts_from_image:
        raise RequestError(
            f"{name} starts from an image, so it cannot be given a whole clip; leave out --video"
        )
    given = {"prompt": scene.prompt is not None, "image": scene.image is not None}
    wanted = {"prompt": "prompt" in takes, "image": tap.starts_from_image}
    for option, want in wanted.items():
        if want != given[option]:
            starts = " and ".join(o for o, so in wanted.items() if so)
            raise RequestError(f"{name} starts from {starts}; {'pass' if want else 'leave out'} --{option}")
    offered: dict[str, Any] = {
        "prompt": scene.prompt,
        "num_inference_steps": scene.steps,
        tap.family.frames: size.frames,
        "height": size.height,
        "width": size.width,
        "output_type": "np",
        "generator": torch.Generator().manual_seed(scene.seed),
    }
    if scene.image is not None:
        first = read_video(scene.image, frames=1, size=(size.height, size.width))[0]
        offered["image"] = offered["conditioning_frames"] = Image.fromarray(first)
    if scene.guidance_scale is not None:
        offered[tap.guidance_name] = scene.guidance_scale
    if start is not None:
        offered |= {"latents": rearrange(start, f"{INSIDE} -> {tap.family.layout}"), tap.guidance_name: 1.0}
    if scene.negative_prompt is not None:
        offered["negative_prompt"] = scene.negative_prompt
    return {name: value for name, value in offered.items() if name in takes}


def sample(pipe: Any, scene: Scene, name: str, start: Tensor | None = None) -> Run:
    """One run of the pipeline with the scene's seed, or from latents to start from; its bar is called by the name."""
    import numpy as np
    import torch

    options = arguments(pipe, scene, start)
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    pipe.set_progress_bar_config(desc=name, disable=None)  # a bar on stderr if that is a terminal
    started = time.perf_counter()
    try:
        frames = pipe(**options).frames[0]
    except MoftError:
        raise
    except ValueError as error:  # a size or a setting that this pipeline does not take
        raise BackboneError(f"{type(pipe).__name__} refused: {error}") from error
    except torch.OutOfMemoryError as error:
        raise BackboneError(
            "out of GPU memory; use fewer --frames or a smaller --height and --width"
        ) from error
    seconds = time.perf_counter() - started
    if not np.isfinite(frames).all():
        raise BackboneError(
            f"the {name} run came out as not-a-number; use fewer --steps or a lower --strength"
        )
    video = (np.asarray(frames) * 255).round().clip(0, 255).astype(np.uint8)
    return Run(video, seconds, _peak_memory())


@dataclass(frozen=True)
class _Try:
    """One steered run of several: what was changed for it, and what came of it."""

    change: str | None
    scene: Scene
    settings: Settings
    plain: Run
    steered: Run
    report: Report
    outcome: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        judged = [{k: v for k, v in part["steered"].items() if k != "motion"} for part in self.outcome]
        return {
            "change": self.change,
            "seed": self.scene.seed,
            "settings": asdict(self.settings),
            "seconds": self.steered.seconds,
            "followed": overall(self.outcome),
            "steered": judged,
        }


class _Trial:
    """Steers towards the same requests under several settings and seeds; a seed's plain run is made once.

    video: the real clip to be steered, uint8 (f h w 3) at the size of the run, if there is one."""

    def __init__(
        self, pipe: Any, asked: list[Asked], statistics: Statistics, video: np.ndarray | None = None
    ) -> None:
        self.pipe, self.asked, self.statistics, self.video = pipe, asked, statistics, video
        self._seed: int | None = None
        self._prepared: tuple[Run, Recording | None, list[Any]] | None = None

    def run(self, scene: Scene, settings: Settings, change: str | None = None) -> _Try:
        import moft

        if self._prepared is None or self._seed != scene.seed:
            self._seed, self._prepared = (
                scene.seed,
                self._prepare(scene, settings.keep_keys, settings.carry > 0),
            )
        plain, recording, wanted = self._prepared
        masks = [asked.mask for asked in self.asked]
        with moft.steer(
            self.pipe, *wanted, statistics=self.statistics, regions=masks, settings=settings, plain=recording
        ) as run:
            steered = sample(self.pipe, scene, "steered", self._start(recording))
        outcome = [asked.outcome(plain.video, steered.video) for asked in self.asked]
        return _Try(change, scene, settings, plain, steered, run.report, outcome)

    def _start(self, recording: Recording | None) -> Tensor | None:
        return None if self.video is None or recording is None else recording.start

    def _prepare(self, scene: Scene, keys: float, carry: bool) -> tuple[Run, Recording | None, list[Any]]:
        import moft

        wanted = [asked.wanted(self.pipe, self.statistics, scene.seed) for asked in self.asked]
        if self.video is not None:
            arguments(self.pipe, scene)  # refused before the long work
            inverted = moft.invert(
                self.pipe, self.video, steps=scene.steps, prompt=scene.prompt or "", keys=keys
            )
            return sample(self.pipe, scene, "plain", inverted.start), inverted, wanted
        regional = all(asked.mask is not None for asked in self.asked)
        with moft.record(self.pipe, keys) if regional or keys or carry else nullcontext() as recording:
            return sample(self.pipe, scene, "plain"), recording, wanted


def compare(
    pipe: Any,
    scene: Scene,
    requests: Sequence[Request],
    settings: Settings,
    statistics: Statistics,
    out: Path,
    model: str,
    *,
    retries: int = 0,
    channels: str | None = None,
    commit: str | None = None,
) -> dict[str, Any]:
    """Sample plain and steered, measure both, write three clips and the record at `out`; returns the record.

    If a request was not followed, up to `retries` more steered runs try what `remedies` says; the best is kept, and the
    record lists all. `model` and its `commit`, and `channels`, the file of the statistics if not the model's own, go
    into the recipe that every clip carries. The comparison is `moft.pictures.story`. Raises MoftError, and leaves no files, if anything is wrong.
    """
    from moft.metrics import psnr
    from moft.outcome import evenly_read
    from moft.pictures import story

    needs("cv2")
    folder = model_folder(model, commit)
    check_output(out, Recipe.of(scene, requests, settings, model, folder, statistics, channels).files)
    notes: list[str] = []
    asked = lay_out(requests, scene.size, notes.append)
    clip = None if scene.video is None else evenly_read(scene.video, scene.size, notes.append)
    trial = _Trial(pipe, asked, statistics, clip)
    tries = [trial.run(scene, settings)]
    for remedy in islice(remedies(settings, scene.seed, requests), retries):
        if overall(tries[-1].outcome) is not False or (clip is not None and remedy.seed != scene.seed):
            break  # a clip has one noise that it is made from
        tries.append(trial.run(replace(scene, seed=remedy.seed), remedy.settings, remedy.words))
    best = max(range(len(tries)), key=lambda i: standing(tries[i].outcome))
    kept = tries[best]
    recipe = Recipe.of(kept.scene, requests, kept.settings, model, folder, statistics, channels)
    clips = {"": kept.steered.video, ".plain": kept.plain.video}
    followed = [part.clip for part in asked if part.clip is not None]
    goals = [
        (Motion.from_json(one["goal"]), part.mask)
        for one, part in zip(kept.outcome, asked, strict=True)
        if one["goal"]
    ]
    clips[".compare"] = story(kept.plain.video, kept.steered.video, goals, followed)
    record = {
        "asked": "; ".join(map(str, requests)),
        "followed": overall(kept.outcome),
        "outcome": kept.outcome,
        "plain": kept.plain.to_json(),
        "steered": kept.steered.to_json(),
        "reconstruction": None if clip is None else psnr(clip, kept.plain.video),
        "resampled": list(dict.fromkeys(notes)),
        "tries": [one.to_json() for one in tries],
        "kept": best,
        "seconds_ratio": kept.steered.seconds / kept.plain.seconds,
        "guidance_seconds": kept.report.guidance_seconds,
        "losses": kept.report.steps,
        "skipped_updates": kept.report.skipped,
        **replace(recipe, frames_digest=frames_digest(kept.steered.video)).to_json(),
        "statistics": statistics.made,
        "command": command(),
    }
    return write_all(out, clips, record)


def replay(
    recipe: Recipe,
    out: Path,
    source: Path,
    warn: Callable[[str], None],
    *,
    model: str | None = None,
    channels: str | None = None,
    run: Callable[..., dict[str, Any]] = compare,
) -> dict[str, Any]:
    """Make again what a recipe, read from the file `source`, made; returns the record, with "identical": are the frames?

    `run` makes it: `compare`, or for a drag `moft.dragged.compare_drag`. `model` and `channels` replace those of the recipe; a hub
    id is used only if it is given so. `warn` is told of every difference between then and now. Raises RecipeError for what is gone or changed; else as `compare` does.
    """
    from moft.channels import Statistics, find_statistics

    name = model or recipe.model
    if model is None and name != "miniature" and not os.path.isdir(name):
        raise RecipeError(
            f"the recipe was made with the model {name:.200}, and no folder of that name is here; pass "
            "--model with that name if it may be fetched, or with its folder"
        )
    if channels:  # those of the recipe may be gone
        recipe = recipe.without_channels()
    recipe = recipe.located(source.parent)
    check_output(out, [str(source), *recipe.files])
    kind, _, at = (recipe.model_digest or "").partition(":")
    commit = at if kind == "commit" and name == recipe.model and not os.path.isdir(name) else None
    pipe = load_pipeline(name, commit)
    channels = channels or recipe.channels
    statistics = Statistics.load(channels) if channels else find_statistics(pipe)
    scene, size = recipe.scene, recipe.scene.size
    clip_size(pipe, size.frames, size.height, size.width, {})
    folder = model_folder(name, commit)
    now = Recipe.of(scene, recipe.requests, recipe.settings, name, folder, statistics, channels)
    for difference in recipe.differences(now):
        warn(difference)
    with on_threads(recipe.threads):
        record = run(
            pipe,
            scene,
            recipe.requests,
            recipe.settings,
            statistics,
            out,
            name,
            channels=channels,
            commit=commit,
        )
    record["identical"] = record["frames_digest"] == recipe.frames_digest
    if not record["identical"]:
        warn("the frames are not those of the original")
    return record


def _peak_memory() -> float | None:
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    if sys.platform == "win32":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


# ---------------------------------------------------------------- files


def check_output(out: Path, inputs: list[str]) -> None:
    """Raise MediaError unless clips can be written at `out`, before anything expensive runs."""
    if out.suffix.lower() not in SUFFIXES or not out.stem:
        raise MediaError(f"cannot write {out}: expected a name ending in {', '.join(SUFFIXES)}; rename it")
    check_folder(out)
    for target in _targets(out).values():
        if target.is_dir():
            raise MediaError(f"cannot write {target}: it is a folder; choose another -o")
        if any(target.exists() and os.path.exists(p) and target.samefile(p) for p in inputs):
            raise MediaError(f"cannot write {target}: it is an input of this command; choose another -o")
    if any(os.path.isdir(p) and out.parent.samefile(p) for p in inputs):
        raise MediaError(f"cannot write {out}: its folder is an input of this command; choose another -o")


def check_folder(out: Path) -> None:
    """Raise MediaError unless the folder of `out` is there and can be written."""
    if not out.parent.is_dir():
        raise MediaError(
            f"cannot write {out}: expected an existing folder, got {out.parent}; create it first"
        )
    with staging(out.parent):
        pass


@contextmanager
def staging(parent: Path) -> Iterator[Path]:
    """A passing folder on the same disk, whose finished files are renamed into place."""
    try:
        with tempfile.TemporaryDirectory(prefix=".moft-", dir=parent) as folder:
            yield Path(folder)
    except OSError as error:
        raise MediaError(f"cannot write in {parent}: {error.strerror or error}; choose another -o") from error


def _targets(out: Path) -> dict[str, Path]:
    return {
        **{kind: out.with_name(f"{out.stem}{kind}{out.suffix}") for kind in ("", ".plain", ".compare")},
        ".json": out.with_suffix(".json"),
    }


def write_all(out: Path, clips: dict[str, np.ndarray], record: dict[str, Any]) -> dict[str, Any]:
    """All files or none; numbers that JSON has not (NaN, infinities) become null."""
    from moft.video import write_video

    targets = _targets(out)
    record = {**record, "files": {kind.strip(".") or "steered": str(path) for kind, path in targets.items()}}
    record = json.loads(json.dumps(record), parse_constant=lambda _: None)
    with staging(out.parent) as folder:
        for kind, video in clips.items():
            write_video(folder / targets[kind].name, video, metadata={"comment": embedded(record)})
        (folder / targets[".json"].name).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        for target in targets.values():
            os.replace(folder / target.name, target)
    return record
