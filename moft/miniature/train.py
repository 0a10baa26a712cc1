"""Trains the miniature's denoiser and text encoder. One script for CPU and GPU; a training that was cut off
goes on from its last save as if it had not been."""

from __future__ import annotations

import collections
import contextlib
import copy
import dataclasses
import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from moft.errors import RequestError
from moft.known.renderer import FRAMES
from moft.miniature import model
from moft.miniature.curriculum import STAGES, Stage
from moft.miniature.encoded import boiling, encoder
from moft.miniature.machine import Machine
from moft.miniature.optimisers import optimisers, set_rate
from moft.miniature.pool import Log, Pool, Rows
from moft.miniature.probe import block_scores
from moft.models.calls import Call
from moft.models.hooks import capture
from moft.models.loading import miniature_path
from moft.models.tap import Tap

STATE = "training.pt"  # in the folder: all that the rest of a training depends on
LITTLE = 400  # timesteps below which a prompt says nothing that the picture does not show


@dataclasses.dataclass(frozen=True)
class Settings:
    """How the denoiser is trained. The defaults suit one or two CPU cores; a GPU wants a larger batch and
    reuse 1."""

    batch: int = 24  # clips of eight frames a step; fewer longer ones, so that a step has as many frames
    lr: float = 2e-3
    reuse: float = 6  # how often a rendered clip is drawn
    pool: int = 4096  # clips of eight frames kept encoded, of each length
    begin: int = 256  # of them there before the first step
    empty_prompts: float = 0.15  # share of captions dropped, for classifier-free guidance
    ema: float = 0.998  # of the averaged weights; less over the first steps
    save_every: float = 5.0  # minutes
    probe_every: float = 60.0  # minutes
    probed: int = 256  # held-out clips of a probe
    stages: tuple[Stage, ...] = STAGES


class Trainer:
    """State of the denoiser's training in `folder`: after any number of steps a function of the settings, the
    seed and where it began, wherever it was cut off and resumed on the same kind of machine."""

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        device: str = "cpu",
        seed: int = 0,
        build: model.Build = model.ANIMATEDIFF,
    ) -> None:
        self.folder, self.settings, self.device, self.seed, self.build = folder, settings, device, seed, build
        torch.manual_seed(seed)
        self.tokenizer = build.tokenizer()
        text_encoder, reader = build.text_encoder(self.tokenizer), nn.LazyConv2d(2, 1)
        parts = {"denoiser": build.denoiser(), "text_encoder": text_encoder, "reader": reader}
        self.parts = nn.ModuleDict(parts).to(device)
        vae = folder / "vae" if (folder / "vae").exists() else shipped_vae(build)
        self.vae = type(build.vae()).from_pretrained(vae).to(device).eval().requires_grad_(False)
        self.tap = Tap(
            build.assemble(self.parts["denoiser"], self.vae, self.parts["text_encoder"]), build.read
        )
        for module in self._temporal():  # untrained, it does nothing
            for name in build.endings:
                nn.init.zeros_(cast(nn.Linear, module.get_submodule(name)).weight)
        with torch.no_grad():  # the reader learns its number of channels
            clip = torch.zeros(1, model.LATENT_CHANNELS, FRAMES, *[model.LATENT_SIZE] * 2, device=device)
            rows = {"ids": self.ids([""]), **build.given(self.vae, clip)}
            self._predict(clip, torch.zeros(1, device=device).long(), rows, helped=True)
        self.average = torch.optim.swa_utils.AveragedModel(self.parts, multi_avg_fn=_towards(settings.ema))
        self.optimisers = optimisers(self.parts, settings.lr)
        self.noise = model.scheduler()
        self.machine: Machine | None = None  # tried when a run begins, unless it is given
        self.clips = self.began = 0  # seen, of eight frames or as many single ones; and when learning began
        self.stage = -1  # the number of the stage that the pools are of
        self.pools: dict[int, Pool] = {}  # by number of frames
        self.log = Log(folder / "denoiser.log.jsonl")

    def _temporal(self) -> list[nn.Module]:
        return self.build.temporal(self.parts["denoiser"])

    def ids(self, texts: list[str]) -> Tensor:
        """(b n) tokens of captions."""
        ids = self.tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt").input_ids
        return cast(Tensor, ids.to(self.device))

    @property
    def averaged(self) -> nn.ModuleDict:
        """The averaged denoiser and text encoder: what is probed and shipped."""
        return cast(nn.ModuleDict, self.average.module)

    # ------------------------------------------------------------ what is kept

    def save(self) -> None:
        """All that the rest depends on, in one file, which is there whole or as it was before."""
        state = {
            "clips": self.clips,
            "began": self.began,
            "stage": self.stage,
            "parts": self.parts.state_dict(),
            "average": self.average.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "pools": {frames: pool.state() for frames, pool in self.pools.items()},
        }
        torch.save(state, self.folder / f"{STATE}.new")
        (self.folder / f"{STATE}.new").replace(self.folder / STATE)

    def resume(self, start: Path | None = None) -> None:
        """Go on from the last save, else from the weights of a pipeline that `export` wrote, by default the
        shipped one, if there is any. Raises RequestError where `start` is none."""
        path = self.folder / STATE
        if start is not None and not (start / "training.json").exists():
            raise RequestError(f"expected a pipeline that `assemble` wrote, got {start}; leave --start out")
        if not path.exists():
            self._start_from(Path(miniature_path(self.build.name)) if start is None else start)
            return
        state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
        self.clips, self.began = state["clips"], state["began"]
        self.parts.load_state_dict(state["parts"])
        self.average.load_state_dict(state["average"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        if state["stage"] >= 0:
            self._fill(state["stage"])
            for frames, saved in state["pools"].items():
                if frames in self.pools:
                    self.pools[frames].restore(saved)

    def _start_from(self, pipeline: Path) -> None:
        """The averages; the reader, which is not written, starts anew."""
        if not (pipeline / "training.json").exists():
            return
        found = type(self.tap.pipe).from_pretrained(pipeline, local_files_only=True)
        opened = {
            "denoiser": getattr(found, self.tap.family.attribute),
            "text_encoder": getattr(found, self.build.reads),
        }
        shapes = [[p.shape for p in part["denoiser"].parameters()] for part in (opened, self.parts)]
        if shapes[0] != shapes[1]:
            self.log(note=f"the weights in {pipeline} are of another build; starting anew")
            return
        for parts in (self.parts, self.averaged):
            for name, part in opened.items():
                parts[name].load_state_dict(part.state_dict())
        self.clips = self.began = json.loads((pipeline / "training.json").read_text())["clips"]

    def export(self, folder: Path) -> None:
        """Write the averaged weights as a diffusers pipeline, in float16 safetensors.

        The text encoder stays in float32: transformers loads weights as they are stored, diffusers as
        float32.
        """
        denoiser, vae = copy.deepcopy(self.averaged["denoiser"]).half(), copy.deepcopy(self.vae).half()
        vae.register_to_config(_name_or_path="")  # where it was read from is nobody's business
        self.build.assemble(denoiser, vae, self.averaged["text_encoder"]).save_pretrained(folder)
        (folder / "training.json").write_text(json.dumps({"clips": self.clips}) + "\n")

    # ------------------------------------------------------------ a step

    def _products(self) -> contextlib.AbstractContextManager[None]:
        """In the way that suits the machine, where it was tried."""
        return self.machine.products() if self.machine else contextlib.nullcontext()

    def _predict(self, noisy: Tensor, t: Tensor, rows: Rows, helped: bool) -> tuple[Tensor, Tensor]:
        """v (b c f h w), and the shift (b f 2 h w) that is read from the feature layer, on its own cells.

        helped: whether what reads the shift reaches the layer with its gradient, or only learns to read.
        """
        calls: list[Call] = []
        denoiser = self.parts["denoiser"]
        with self.tap.listen(calls), capture(denoiser, [self.build.read]) as seen:
            v = self.build.denoise(denoiser, self.parts["text_encoder"], noisy, t, rows)
        features = self.tap.grid(seen[self.build.read], calls[0])
        shift = self.parts["reader"]((features if helped else features.detach()).flatten(0, 1))
        return v.float(), shift.float().unflatten(0, features.shape[:2])

    def loss(self, rows: Rows, quiet: float = 1.0, helped: bool = True, agreed: bool = False) -> Tensor:
        """Mean squared errors at a random timestep: of the predicted v, of the shift, and of v against itself
        along the true flow (`boiling`; nought for rows that do not know it); and `_apart`, nought unless
        `agreed`.

        The shift is an auxiliary output as in VideoJAM (Chefer et al., 2025), here a linear one of an inner
        block: it brings motion early. It is training's alone and not shipped.
        """
        latents = rows["latents"].float()
        noise = torch.randn_like(latents)
        t = (1000 * torch.rand(len(latents), device=self.device) ** quiet).long()
        noisy = self.noise.add_noise(latents, noise, t)
        with self._products():
            v, shift = self._predict(noisy, t, rows, helped)
        truth = rows["shift"].float().transpose(1, 2)  # (b f 2 h w)
        truth = F.adaptive_avg_pool2d(truth.flatten(0, 1), (shift.shape[-2], shift.shape[-1])).view_as(shift)
        error = v - self.noise.get_velocity(latents, noise, t)
        nought = error.new_zeros(())
        boils = boiling(error, rows) if "gap" in rows else nought
        apart = self._apart(v, noisy, t, rows) if agreed else nought
        return torch.stack([error.square().mean(), F.mse_loss(shift, truth), boils, apart])

    def _apart(self, v: Tensor, noisy: Tensor, t: Tensor, rows: Rows) -> Tensor:
        """How far v is from what the empty prompt makes of the same latents at little noise, squared.

        Classifier-free guidance enlarges that difference. Where the picture shows already what the prompt
        says, it is nothing but the denoiser's own error, in each frame another one, and textures boil.
        """
        few = (t < LITTLE).nonzero().flatten()
        if not len(few):
            return v.new_zeros(())
        some = {name: values[few] for name, values in rows.items()}
        some["ids"] = self.ids([""]).expand(len(few), -1)
        denoiser, text_encoder = self.parts["denoiser"], self.parts["text_encoder"]
        with self._products():
            other = self.build.denoise(denoiser, text_encoder, noisy[few], t[few], some)
        return (other.float() - v[few]).square().mean() * len(few) / len(t)

    @contextlib.contextmanager
    def without_motion(self) -> Iterator[None]:
        """The denoiser as an image model: what mixes frames is passed by."""
        for module in self._temporal():
            module.forward = lambda hidden_states, *_, **__: hidden_states
        try:
            yield
        finally:
            for module in self._temporal():
                del module.forward

    def step(self, stage: Stage) -> dict[str, Tensor]:
        """One step on single frames or on clips; its losses by name."""
        torch.manual_seed(1_000_003 * self.seed + self.clips)
        still = float(torch.rand(())) < stage.stills
        frames = 1 if still else stage.lengths[int(torch.randint(len(stage.lengths), ()))]
        rows = self.pools[frames].draw(max(1, self.settings.batch * FRAMES // frames))
        self.parts.zero_grad()
        with self.without_motion() if still else contextlib.nullcontext():
            v, shift, boils, apart = self.loss(rows, stage.quiet, stage.shift > 0, stage.agreed > 0)
            weight = (stage.shift or 1) * (FRAMES / frames) ** 2  # longer clips go further
            moving = 0 if still else weight * shift + stage.boiling * boils
            (v + stage.agreed * apart + moving).backward()
        nn.utils.clip_grad_norm_(self.parts.parameters(), 1.0)
        with self._products():  # Muon's iterations, too
            for optimiser in self.optimisers:
                optimiser.step()
        self.average.update_parameters(self.parts)
        self.clips += self.settings.batch
        if still:
            return {"still": v.detach()}
        losses = {"loss": v, "shift": shift}
        losses |= {name: value for name, value in (("boils", boils), ("apart", apart)) if value.any()}
        return {f"{name}@{frames}": value.detach() for name, value in losses.items()}

    # ------------------------------------------------------------ a run

    def _fill(self, number: int) -> None:
        """Make the pools draw what stage `number` trains on."""
        self.stage, stage = number, self.settings.stages[number]
        for frames in sorted(stage.frames):
            seed = self.seed + 1000 * number + frames
            dropped = self.settings.empty_prompts
            make = encoder(stage.mixture, frames, seed, self.vae, self.ids, dropped, self.build.given)
            size, begin = (
                n * FRAMES // max(FRAMES, frames) for n in (self.settings.pool, self.settings.begin)
            )
            self.pools.setdefault(frames, Pool(make, size, self.settings.reuse, begin)).make = make

    def rate(self, until: int) -> float:
        """The learning rate: rises over a hundred steps, falls to nothing over the last fifth of the way."""
        gone, way = self.clips - self.began, until - self.began
        return self.settings.lr * min(1, gone / self.settings.batch / 100 + 0.01, 5 * (1 - gone / way))

    def run(self, until: int, minutes: float = math.inf) -> None:
        """Train until `until` clips were seen, or for `minutes`, whichever is sooner, and save."""
        if self.machine is None:
            self.machine = Machine.tried(self.device)
        self.log(clips=self.clips, until=until, machine=self.machine.said())
        now = started = saved = probed = time.monotonic()
        first, step = self.clips, 0
        losses: dict[str, list[Tensor]] = collections.defaultdict(list)
        while self.clips < until and now - started < 60 * minutes:
            number = max(i for i, s in enumerate(self.settings.stages) if self.clips >= s.begin)
            if number != self.stage:
                self.log(clips=self.clips, stage=number)
                self._fill(number)
            set_rate(self.optimisers, self.rate(until))
            for name, value in self.step(self.settings.stages[number]).items():
                losses[name].append(value)
            step, now = step + 1, time.monotonic()
            if step % 50 == 0:
                means = {name: torch.stack(values).mean().item() for name, values in sorted(losses.items())}
                pace = (self.clips - first) / (now - started)
                self.log(clips=self.clips, **means, pace=pace, minutes=(now - started) / 60)
                losses.clear()
            if now - saved > 60 * self.settings.save_every:
                self.save()
                saved = now
            if now - probed > 60 * self.settings.probe_every:
                self.log(clips=self.clips, r2=self.scores())
                probed = time.monotonic()
        self.save()

    def scores(self) -> dict[str, float]:
        """R² of velocity from each block of the averaged denoiser, by timestep (`block_scores`)."""
        pipe = self.build.assemble(self.averaged["denoiser"], self.vae, self.averaged["text_encoder"])
        pipe.set_progress_bar_config(disable=True)
        self.averaged.eval()
        found = block_scores(pipe, self.build.blocks, self.settings.probed)
        self.averaged.train()
        return found


def shipped_vae(build: model.Build) -> Path:
    """Where the trained VAE of a build lies, or would: its own, or AnimateDiff's."""
    return Path(miniature_path("animatediff" if build.vae is model.vae else build.name)) / "vae"


Tensors = tuple[Tensor, ...] | list[Tensor]


def _towards(ema: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    """Moves averages by 1 - ema towards the current values, by more in the first steps, when they know
    less."""

    @torch.no_grad()
    def move(averages: Tensors, current: Tensors, steps: Tensor | int) -> None:
        by = max(1 - ema, 9 / (10 + int(steps)))
        torch._foreach_lerp_(averages, current, by)

    return move
