"""Everything that reads what a stranger may have made: what it is given, how that is bent, what is asked."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch

from fuzz import mutations as m
from fuzz import seeds as s
from fuzz.seeds import Seed
from moft.bench import results
from moft.bench.tables import page
from moft.cli.commands import app
from moft.cli.options import points_of, requests_of
from moft.feature.model import model_digest
from moft.feature.reference import FromClip
from moft.feature.statistics import Statistics
from moft.field.given import read_shown
from moft.field.resampled import read_followed
from moft.interpreter.clips import Clip, read_clip
from moft.interpreter.reading import Reading, Source
from moft.interpreter.readout import Readout
from moft.interpreter.viewpoint import _stored_best
from moft.media.mask import check_region, read_region, read_regions
from moft.media.opening import is_image
from moft.media.reading import read_metadata, read_video
from moft.metrics.networks import vision
from moft.models.loading import load_pipeline
from moft.request.along import Along
from moft.request.like import Like
from moft.request.motion import Motion
from moft.request.parse import read_requests_file
from moft.runs.job import Job
from moft.runs.recipe import Recipe, read_recipe
from moft.types import ClipSize

SIZE = ClipSize(4, 64, 64)


@dataclass(frozen=True)
class Case:
    """A bent file where it lies, or a bent text, and a source of chance."""

    path: Path
    data: bytes
    chance: Random

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "surrogatepass")


def alone(folder: Path, seed: Seed, seeds: list[Seed]) -> Path:
    """The bent file by itself."""
    path = folder / seed[0]
    path.write_bytes(seed[1])
    return path


def among(folder: Path, seed: Seed, seeds: list[Seed]) -> Path:
    """The bent file among the others of its folder, which are there as links of the same disk."""
    for name, data in seeds:
        path, sound = folder / name, folder.parent / f"sound {len(seeds)} {Path(seeds[0][0]).name}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name == seed[0]:
            path.write_bytes(seed[1])
            continue
        if not sound.exists():
            sound.parent.mkdir(parents=True, exist_ok=True)
            sound.write_bytes(data)
        os.link(sound, path)
    return folder


def as_masks(folder: Path, seed: Seed, seeds: list[Seed]) -> Path:
    """The bent file among sound ones, numbered as frames are."""
    sound = [data for name, data in seeds if name == seed[0]]
    for i, data in enumerate((sound[0], seed[1], sound[-1])):
        (folder / f"{i}.png").write_bytes(data)
    return folder


@dataclass(frozen=True)
class Reader:
    """One kind of file or text. `weight`: its share of the time."""

    name: str
    seeds: Callable[[Path], list[Seed]]
    bend: m.Bend
    read: Callable[[Case], object]
    place: Callable[[Path, Seed, list[Seed]], Path] = alone
    weight: float = 1.0
    slow: bool = False  # a tenth of the cases where these are counted
    writes: bool = False  # beside what it reads, as a command does that makes its output ready
    extra: dict[str, m.Bend] = field(default_factory=dict)  # other ways to bend files of these endings

    def rule(self, name: str) -> m.Bend:
        """How a file of this name is bent."""
        return self.extra.get(Path(name).suffix, self.bend)


# ---------------------------------------------------------------- what is asked of a file


def silent(_: str) -> None:
    """Hears what is told."""


def anything_of_a_clip(case: Case) -> object:
    """One of the ways in which a clip or a picture is read."""
    path, chance = case.path, case.chance
    ways: tuple[Callable[[], object], ...] = (
        lambda: read_video(path),
        lambda: read_video(
            path, frames=2, size=(16, 24), start=chance.randrange(3), stride=chance.randrange(1, 3)
        ),
        lambda: read_metadata(path),
        lambda: is_image(path),
        lambda: read_region(str(path), SIZE, silent),
        lambda: read_recipe(path),
        lambda: read_followed(Like(str(path)), SIZE, silent),
        lambda: read_clip(path, SIZE),
    )
    return chance.choice(ways)()


def as_mask(case: Case) -> object:
    """A picture, a folder or a clip as where a request counts."""
    check_region(str(case.path))
    return read_region(str(case.path), SIZE, silent)


def a_sweep(case: Case) -> object:
    return _stored_best(case.path)


def a_reading(case: Case) -> object:
    """Heat maps that a report kept, of a clip of 4 frames."""
    clip = Clip("a", np.zeros((4, 64, 64, 3), np.uint8))
    return Reading.load(
        case.path, clip, Source(clip, (1, 2, 0), dict.fromkeys(("moft", "ccr"), torch.ones(4, 5)))
    )


def a_bench_page(case: Case) -> object:
    """Results read, and the page made of them."""
    return page.text(results.load(case.path), "results")


def an_info(case: Case) -> object:
    """What `moft info` prints of a stranger's recipe: nothing that a terminal obeys."""
    return run_cli("info", str(case.path), *(["--json"] if case.chance.random() < 0.2 else []))


def a_model(case: Case) -> object:
    model_digest(str(case.path))
    return load_pipeline(str(case.path))


def a_network(case: Case) -> object:
    return vision(case.path)


def run_cli(*arguments: str) -> object:
    """The command line in this process: it ends by itself, and prints nothing that a terminal obeys."""
    from typer.testing import CliRunner

    done = CliRunner().invoke(app, list(arguments))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    for character in done.output:
        control = ord(character) < 32 and character not in "\n\t" or 0x7F <= ord(character) < 0xA0
        assert not control and character not in "\u202d\u202e\u2066\u2067", f"prints {character!r} raw"
    if done.exit_code:
        from moft.errors import MoftError

        raise MoftError(f"exit {done.exit_code}")
    return done


# ---------------------------------------------------------------- what is asked of a text


def a_motion(case: Case) -> object:
    return Motion.from_text(case.text)


def a_region(case: Case) -> object:
    """A place by itself, and beside another; a text that names other folders may read them."""
    if case.text.lstrip().startswith(("/", "~")) or ".." in case.text:
        raise Passed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.chdir(case.path.parent)
        check_region(case.text)
        return read_regions([case.text, "box:0,0,10,10"], SIZE, silent)


def options(case: Case) -> object:
    """Several options of one run, one of them bent."""
    order = [
        case.chance.choice(("motion", "path", "like", "field")) for _ in range(case.chance.randrange(1, 3))
    ]
    given: dict[str, list[str]] = {}
    for kind in order:
        usual = {"motion": "left", "path": "0,0 0.1,0.1", "like": "clip.mp4", "field": "a.npz"}[kind]
        given.setdefault(kind, []).append(case.chance.choice((usual, case.text)))
    for name in ("speed", "ease", "span", "region", "strength", "like_region", "like_frames"):
        if case.chance.random() < 0.3:
            given[name] = [case.text]
    return requests_of(order, given, per_position=case.chance.random() < 0.1)


BESIDE_A_MOTION = (
    "prompt", "region", "seed", "out", "model", "step-size", "guidance-scale", "strength", "channels",
    "frames", "height", "retry",
)  # fmt: skip


def command_line(case: Case) -> object:
    """`moft steer` or `moft drag` with a bent option, of a model that is not there."""
    name = case.chance.choice(("motion", "path", "like", "field", "requests", *BESIDE_A_MOTION))
    usual = ["--motion", "left"] if name in BESIDE_A_MOTION else []
    os.chdir(case.path.parent)
    where = [] if name == "model" else ["--model", "nowhere/at/all"]
    if case.chance.random() < 0.2:
        return run_cli("drag", "--point", case.text, "--prompt", "a", *where)
    return run_cli("steer", f"--{name}", case.text, *usual, *where)


# ---------------------------------------------------------------- all of them

PNG = (m.summed(m.rearranged(m.png_chunks)), m.summed(m.png_headed), m.summed(m.numbered), *m.BLIND)
RIFF = (m.refitted(m.rearranged(m.riff_chunks)), m.rearranged(m.riff_chunks), *m.BLIND)
BOXES = (m.rearranged(m.boxes), m.boxed, m.boxed, *m.BLIND)
GIF = (m.rearranged(m.gif_blocks), m.gif_sized, *m.BLIND)
BY_ENDING = {
    ".png": m.bent_by(*PNG),
    ".webp": m.bent_by(*RIFF),
    ".gif": m.bent_by(*GIF),
    ".avif": m.bent_by(*BOXES),
    ".json": m.bent_by(m.jsonned, m.jsonned, m.jsonned, m.flipped, m.truncated),
    ".safetensors": m.bent_by(m.headed, m.headed, m.headed, m.flipped, m.truncated, m.numbered),
}
BLIND = m.bent_by(*m.BLIND)
JSON, TENSORS, WORDS = BY_ENDING[".json"], BY_ENDING[".safetensors"], m.bent_by(m.worded)


def clip(*kinds: str, rules: tuple[m.Bend, ...], **ways: tuple[tuple[str, str], ...]) -> Reader:
    """A reader of clips of some endings."""
    name = "/".join(kinds)
    chosen = {kind: ways[kind] for kind in kinds}
    return Reader(name, partial(s.clips, kinds=chosen), m.bent_by(*rules), anything_of_a_clip, weight=2)


def many(*made: Callable[[], Seed]) -> Callable[[Path], list[Seed]]:
    """Seeds that need no folder."""
    return lambda folder: [make() for make in made]


def pictures(folder: Path) -> list[Seed]:
    """Pictures of every kind that is read."""
    modes = ("RGB", "RGBA", "L", "LA", "P", "1", "I;16")
    made = [s.image(mode) for mode in modes]
    made += [
        s.image("RGB", "JPEG", exif=s.exif(6)),
        s.image("CMYK", "JPEG"),
        s.image("L", "JPEG", progressive=True),
    ]
    made += [s.image("RGB", "WEBP"), s.image("RGBA", "WEBP", lossless=True), s.image("P", "GIF")]
    return [*made, s.image("RGB", "AVIF")]


def masks(folder: Path) -> list[Seed]:
    """Masks of every kind."""
    return [
        s.mask("L"),
        s.mask("L", 0, 1),
        s.mask("P", 0, 2),
        s.mask("1"),
        s.mask("LA"),
        s.mask("I;16", 0, 200),
    ]


READERS = (
    clip("mp4", rules=BOXES, mp4=(("moft", ""), ("mpeg4", "yuv420p"), ("libx264", "yuv444p"))),
    clip("mov", rules=BOXES, mov=(("png", "rgba"), ("qtrle", "argb"), ("prores_ks", "yuva444p10le"))),
    clip("webm", "mkv", rules=(m.rearranged(m.ebml_elements), *m.BLIND),
         webm=(("moft", ""), ("libvpx", "yuva420p")), mkv=(("mpeg4", "yuv420p"), ("ffv1", "bgra"))),
    clip("avi", rules=RIFF, avi=(("mpeg4", "yuv420p"), ("mjpeg", "yuvj420p"), ("rawvideo", "bgr24"))),
    Reader("gif", lambda folder: [*s.clips(folder, {"gif": (("moft", ""),)}), s.animated("GIF", disposal=2)],
           BY_ENDING[".gif"], anything_of_a_clip, weight=2),
    Reader("webp", many(lambda: s.animated("WEBP"), lambda: s.animated("WEBP", lossless=True)),
           BY_ENDING[".webp"], anything_of_a_clip),
    Reader("apng", many(lambda: s.animated("PNG"), lambda: s.animated("PNG", disposal=1, blend=1)),
           BY_ENDING[".png"], anything_of_a_clip),
    Reader("pictures", pictures, BLIND, anything_of_a_clip, weight=2, extra=BY_ENDING),
    Reader("masks", masks, BY_ENDING[".png"], as_mask),
    Reader("folders of masks", masks, BY_ENDING[".png"], as_mask, as_masks),
    Reader("folders of frames", masks, BY_ENDING[".png"], anything_of_a_clip, as_masks),
    Reader("statistics", s.statistics, TENSORS, lambda case: Statistics.load(case.path)),
    Reader("references", s.references, TENSORS, lambda case: FromClip.load(case.path)),
    Reader("fields", s.fields, BLIND, lambda case: read_shown(Along(str(case.path)), SIZE, silent),
           extra=BY_ENDING),
    Reader("read-outs", s.readouts, TENSORS, lambda case: Readout.load(case.path)),
    Reader("heat maps", s.readings, TENSORS, a_reading),
    Reader("sweeps", lambda _: [f for f in s.model_files() if f[0] == "sweep.json"], JSON, a_sweep),
    Reader("recipes", lambda _: s.recipes(), JSON, lambda case: read_recipe(case.path)),
    Reader("recipes printed", lambda _: s.recipes(), JSON, an_info),
    Reader("recipes as JSON", lambda _: s.recipes(), JSON, lambda case: Recipe.from_json(parsed(case))),
    Reader("jobs", lambda _: s.jobs(), JSON, lambda case: Job.from_json(parsed(case))),
    Reader("requests files", lambda _: s.request_files(), JSON, lambda case: read_requests_file(case.path)),
    Reader("bench results", lambda _: s.benches(), JSON, a_bench_page, among),
    Reader("motions", lambda _: s.texts("motions"), WORDS, a_motion, weight=0.5),
    Reader("regions", lambda _: s.texts("regions"), WORDS, a_region, weight=0.5),
    Reader("points", lambda _: s.texts("points"), WORDS, lambda case: points_of([case.text]), weight=0.5),
    Reader("options", lambda _: [t for name in s.TEXTS for t in s.texts(name)], WORDS, options),
    Reader("command line", lambda _: [t for name in s.TEXTS for t in s.texts(name)], WORDS, command_line,
           writes=True),
    Reader("models", lambda _: s.model_files(), BLIND, a_model, among, weight=4, slow=True, extra=BY_ENDING),
    Reader("networks", s.network_files, BLIND, a_network, among, weight=1, extra=BY_ENDING),
)  # fmt: skip


class Passed(Exception):
    """A bent file is no case of this reader."""


def parsed(case: Case) -> Any:
    """JSON as its caller would hand it over."""
    try:
        return json.loads(case.data)
    except (ValueError, RecursionError):
        raise Passed from None
