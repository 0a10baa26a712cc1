"""`moft bench control`, `content`, `clips`, `retry`, `rules`, `reading`, `field`, `movers`: how well it
steers and sees, as lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from moft.errors import RequestError
from moft.models.loading import load_pipeline, settle_threads
from moft.optional import needs
from moft.printing import in_json, show

app = typer.Typer(rich_markup_mode=None)

Only = Annotated[list[str] | None, typer.Option(help="Only these; give several.")]
Of = Annotated[str, typer.Option("--model", help="miniature, or a miniature's folder.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write all results as JSON, too.")]
Seed = Annotated[int, typer.Option(min=0, help="Of the first prompt; they count up.")]
Fused = Annotated[bool, typer.Option("--fused", help="With Settings(fused=True).")]
StepSize = Annotated[float | None, typer.Option(min=0, help="With Settings(step_size=…).")]
GradientSteps = Annotated[int | None, typer.Option(min=1, help="With Settings(gradient_steps=…).")]
KeepSpread = Annotated[bool | None, typer.Option(help="With Settings(keep_spread=…).")]
WarpNoise = Annotated[float | None, typer.Option(min=0, help="With Settings(warp_noise=…).")]
GuidedSteps = Annotated[int | None, typer.Option(min=1, help="With Settings(guided_steps=…).")]


@app.command()
def control(
    only: Only = None,
    model: Of = "miniature",
    fused: Fused = False,
    step_size: StepSize = None,
    gradient_steps: GradientSteps = None,
    keep_spread: KeepSpread = None,
    warp_noise: WarpNoise = None,
    guided_steps: GuidedSteps = None,
    rounds: Annotated[int, typer.Option(min=1, help="Of `direction`: each is 64 runs.")] = 2,
    seed: Seed = 100,
    output: Output = None,
) -> None:
    """How well steering does what was asked: direction, speed, like, region, both, thing, about, still,
    bend; unguided beside each."""
    needs("diffusers", "cv2", "scipy")
    from moft.bench.control import directions, regions
    from moft.bench.control.asked import Runs
    from moft.bench.control.bends import bend
    from moft.steering.settings import Settings

    measures: dict[str, Callable[[Runs], dict[str, Any]]] = {
        "direction": partial(directions.direction, rounds=rounds),
        "speed": directions.speed,
        "like": directions.like,
        "region": regions.region,
        "both": regions.both,
        "thing": regions.thing,
        "about": regions.about,
        "still": directions.still,
        "bend": bend,
    }
    names = chosen(only, measures)
    how: dict[str, Any] = dict(step_size=step_size, gradient_steps=gradient_steps, guided_steps=guided_steps)
    settings = Settings(fused=fused, keep_spread=keep_spread, warp_noise=warp_noise, **how)
    runs = Runs(_pipeline(output, model), seed, settings)
    results = {}
    for name in names:
        results[name] = {key: round(float(value), 3) for key, value in measures[name](runs).items()}
        _tell(name, results[name])
    _write(output, results)


@app.command()
def inpaint(only: Only = None, seed: Seed = 100, output: Output = None) -> None:
    """Whether a masked part is drawn anew and moves as asked, and the rest stays: made and real clips."""
    needs("diffusers", "cv2", "skimage", "sklearn")
    from moft.bench.inpainting import NAMES, measured
    from moft.feature.model import Model

    model = Model(_pipeline(output), "miniature")
    _write(output, measured(model, seed, chosen(only, NAMES), _tell))


@app.command()
def content(only: Only = None, seed: Seed = 100, output: Output = None) -> None:
    """Whether what is outside a steered region stays what it was, and what that costs in motion."""
    needs("diffusers", "cv2", "skimage")
    from moft.bench.control.content import NAMES, measured

    names = chosen(only, NAMES)
    _write(output, measured(_pipeline(output), seed, names, lambda name, row, seconds: _tell(name, row)))


@app.command()
def field(
    only: Annotated[list[str] | None, typer.Option(help="Only these kinds of motion; give several.")] = None,
    way: Annotated[list[str] | None, typer.Option(help="Only these ways; give several.")] = None,
    prompts: Annotated[int, typer.Option(min=1, help="That follow each kind of motion.")] = 8,
    tuning: Annotated[bool, typer.Option("--tuning", help="Training photographs, other prompts.")] = False,
    fused: Fused = False,
    step_size: StepSize = None,
    gradient_steps: GradientSteps = None,
    keep_spread: KeepSpread = None,
    warp_noise: WarpNoise = None,
    guided_steps: GuidedSteps = None,
    output: Output = None,
) -> None:
    """Whether a clip's motion is followed place by place and over time: pans, zooms, rolls, objects, and what
    turns back, speeds up or shakes, and real clips; unguided beside each."""
    needs("diffusers", "cv2")
    from moft.bench.control.fields import NAMES, WAYS, measured
    from moft.steering.settings import Settings

    how: dict[str, Any] = dict(step_size=step_size, gradient_steps=gradient_steps, guided_steps=guided_steps)
    settings = Settings(fused=fused, keep_spread=keep_spread, warp_noise=warp_noise, **how)
    kinds, ways = chosen(only, NAMES), chosen(way, WAYS)
    _write(output, measured(_pipeline(output), kinds, ways, prompts, settings, tuning, _tell))


@app.command()
def movers(
    only: Annotated[list[str] | None, typer.Option(help="Only these kinds of motion; give several.")] = None,
    clips: Annotated[int, typer.Option(min=1, help="Of each kind of motion.")] = 10,
    side: Annotated[int, typer.Option(min=16, help="Of the clips, px.")] = 64,
    tuning: Annotated[bool, typer.Option("--tuning", help="Training photographs instead.")] = False,
    output: Output = None,
) -> None:
    """Whether what moves otherwise than its ground is found: over a still ground and a moving one, several,
    and none. No clip is sampled."""
    needs("cv2", "skimage" if tuning else "sklearn")
    from moft.bench.control.movers import NAMES, measured
    from moft.types import ClipSize

    kinds = chosen(only, NAMES)
    _write(output, measured(kinds, clips, ClipSize(8, side, side), tuning, _tell))


@app.command()
def clips(output: Output = None) -> None:
    """Whether real clips survive inversion, and whether their motion can be changed."""
    needs("diffusers", "cv2", "skimage")
    from moft.bench.control.clips import clips as real
    from moft.bench.control.clips import measured

    pipe, results = _pipeline(output), {}
    for name, clip in real().items():
        results[name] = {key: round(float(value), 2) for key, value in measured(pipe, clip).items()}
        _tell(name, results[name])
    _write(output, results)


@app.command()
def retry(
    tries: Annotated[int, typer.Option(min=1, help="At most.")] = 4,
    only: Only = None,
    seed: Seed = 100,
    output: Output = None,
) -> None:
    """How many missed requests `--retry` mends, and after how many tries."""
    needs("diffusers", "cv2")
    from moft.bench.control.retry import REQUESTS, tried

    names, results = chosen(only, REQUESTS), {}
    pipe = _pipeline(output)
    for name in names:
        results[name] = tried(pipe, REQUESTS[name], seed, tries)
        _tell(name, results[name])
    _write(output, results)


@app.command()
def rules(
    part: Annotated[str, typer.Argument(help="tune, gently, rules or cost.")],
    prompts: Annotated[int, typer.Option(min=1, help="How many, each in every direction.")] = 8,
    model: Of = "miniature",
    output: Output = None,
) -> None:
    """Which rule for an update, how far, how many of them, in which steps."""
    needs("diffusers", "cv2")
    from moft.bench.control.rules import PARTS

    (name,) = chosen([part], PARTS)
    _write(output, PARTS[name](_pipeline(output, model), prompts, _tell))


@app.command()
def reading(
    tuning: Annotated[bool, typer.Option("--tuning", help="Training photographs instead.")] = False,
) -> None:
    """How well a clip's motion is read off its MOFT: a table in Markdown. No clip is sampled."""
    needs("diffusers", "cv2")
    from moft.bench.control.reading import table
    from moft.known.photographs import held_out_photographs, training_photographs

    photos = list(training_photographs().values()) if tuning else held_out_photographs()
    show(table(_pipeline(None), photos))


def quiet_pipeline(model: str) -> Any:
    """A miniature, its progress bar off."""
    pipe = load_pipeline(model)
    settle_threads(pipe)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _pipeline(output: Path | None, model: str = "miniature") -> Any:
    """A miniature, once it is known that what it gives can be written."""
    from moft.media.files import check_writable

    if output is not None:
        check_writable(output)
    return quiet_pipeline(model)


def chosen(only: list[str] | None, names: Collection[str]) -> list[str]:
    """Those of the names that were asked for, in their own order; all, if none were. Raises RequestError for
    others."""
    for name in only or ():
        if name not in names:
            raise RequestError(f"expected one of {', '.join(names)}, got {name!r}")
    return [name for name in names if not only or name in only]


def _tell(name: str, row: dict[str, Any]) -> None:
    show(in_json({name: row}))


def _write(output: Path | None, results: dict[str, Any]) -> None:
    from moft.media.files import replacing

    if output is not None:
        with replacing(output) as path:
            path.write_text(json.dumps(results, indent=1), encoding="utf-8")
