"""Trains the miniature: first its VAE, then its denoiser and text encoder. One script for CPU and GPU,
resumable."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from moft.known.renderer import FRAMES, SIZE, ClipMaker, World
from moft.miniature import model
from moft.miniature.optimisers import optimisers, set_rate
from moft.miniature.pool import Log, Pool, until
from moft.models.calls import Call
from moft.models.hooks import capture
from moft.models.loading import miniature_path
from moft.models.tap import Tap


@dataclasses.dataclass(frozen=True)
class Stage:
    """One stage of the curriculum."""

    begin: int  # clips and, eight for one, single frames seen before it
    world: World
    stills: float  # share of steps on single frames, which train all but the motion modules
    shift: float  # weight of the auxiliary motion output
    quiet: float = (
        1.0  # clips see timestep 1000 · u ** quiet, u uniform: above 1 mostly little noise, below 1 much
    )


# Looks first, from single frames, as AnimateDiff trains motion modules on top of an image model; then motion,
# from pans alone to the whole world. The auxiliary weight falls once motion has come.
_PLAIN = World(textures=200, photos=0.05, zooms=0, turns=0.05, flows=0)
STAGES = (
    Stage(0, World(still=0, flows=0), stills=1, shift=0),
    Stage(8_000, dataclasses.replace(_PLAIN, objects=0.3, turns=0), stills=0.1, shift=5.0, quiet=2.5),
    Stage(18_000, dataclasses.replace(_PLAIN, objects=0.5), stills=0.2, shift=1.0, quiet=1.3),
    Stage(23_500, dataclasses.replace(_PLAIN, objects=0.5), stills=0.1, shift=0.5, quiet=0.8),
    Stage(40_000, World(zooms=0.05, flows=0), stills=0.1, shift=0.5),
    Stage(53_000, World(zooms=0.05, flows=0.3), stills=0.35, shift=1.0),
    Stage(62_000, World(flows=0.3), stills=0.35, shift=0.5, quiet=0.8),
    Stage(68_000, World(flows=0.3), stills=0.5, shift=0.5, quiet=0.8),
    Stage(84_000, World(flows=0.3), stills=1, shift=0.5),
    Stage(122_000, World(flows=0.3), stills=0.5, shift=0.5, quiet=0.8),
)

SHIFT_UNIT = 2.6  # px; brings the auxiliary output to about unit variance


# ---------------------------------------------------------------- VAE


# ---------------------------------------------------------------- denoiser


@dataclasses.dataclass(frozen=True)
class Settings:
    """How the denoiser is trained. The defaults suit two CPU cores; a GPU wants a larger batch and reuse
    1."""

    batch: int = 16
    lr: float = 2e-3
    reuse: int = 6  # how often a rendered clip is drawn
    pool: int = 8192  # clips kept encoded
    empty_prompts: float = 0.15  # share of captions dropped, for classifier-free guidance
    ema: float = 0.998
    save_every: float = 5.0  # minutes
    probe_every: float = 15.0  # minutes


class Trainer:
    """State of the denoiser's training in `folder`; every part is resumable."""

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        device: str = "cpu",
        seed: int = 0,
        build: model.Build = model.ANIMATEDIFF,
    ) -> None:
        from diffusers import AutoencoderKL

        self.folder, self.settings, self.device, self.seed, self.build = folder, settings, device, seed, build
        torch.manual_seed(seed)
        self.tokenizer = build.tokenizer()
        self.parts = torch.nn.ModuleDict(
            {
                "denoiser": build.denoiser(),
                "text_encoder": build.text_encoder(self.tokenizer),
                "reader": torch.nn.LazyConv2d(2, 1),
            }
        ).to(device)
        vae = folder / "vae" if (folder / "vae").exists() else Path(miniature_path()) / "vae"
        self.vae = AutoencoderKL.from_pretrained(vae).to(device).eval().requires_grad_(False)
        self.tap = Tap(
            build.assemble(self.parts["denoiser"], self.vae, self.parts["text_encoder"]), build.read
        )
        for module in self._temporal():  # untrained, it does nothing
            for name in build.endings:
                torch.nn.init.zeros_(cast(torch.nn.Linear, module.get_submodule(name)).weight)
        with torch.no_grad():  # the reader learns its number of channels
            clip = torch.zeros(1, model.LATENT_CHANNELS, FRAMES, *[model.LATENT_SIZE] * 2, device=device)
            self._predict(clip, torch.zeros(1, device=device).long(), self._ids([""]))
        self.average = torch.optim.swa_utils.AveragedModel(
            self.parts,
            multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(settings.ema),
        )
        self.optimisers = optimisers(self.parts, settings.lr)
        self.noise = model.scheduler()
        self.clips = 0
        self.log = Log(folder / "denoiser.log.jsonl")

    def _temporal(self) -> list[torch.nn.Module]:
        return self.build.temporal(self.parts["denoiser"])

    def _ids(self, texts: list[str]) -> torch.Tensor:
        return self.tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt").input_ids.to(
            self.device
        )

    @property
    def averaged(self) -> torch.nn.ModuleDict:
        """The averaged denoiser and text encoder: what is probed and shipped."""
        module = self.average.module
        assert isinstance(module, torch.nn.ModuleDict)
        return module

    def save(self) -> None:
        """Weights, averages and optimiser state; written aside first, so an interrupted save loses
        nothing."""
        state = {f"now.{k}": v for k, v in self.parts.state_dict().items()}
        state |= {f"average.{k}": v for k, v in self.average.module.state_dict().items()}
        save_file(
            {k: v.clone(memory_format=torch.contiguous_format) for k, v in state.items()},
            self.folder / "denoiser.new",
            {"clips": str(self.clips)},
        )
        torch.save([o.state_dict() for o in self.optimisers], self.folder / "optimisers.new")
        (self.folder / "denoiser.new").replace(self.folder / "denoiser.safetensors")
        (self.folder / "optimisers.new").replace(self.folder / "optimisers.pt")

    def resume(self) -> None:
        """Go on from the last save, else from the shipped weights, if there are any."""
        from safetensors import safe_open

        path = self.folder / "denoiser.safetensors"
        if not path.exists():
            self._start_from_shipped()
            return
        with safe_open(path, "pt") as file:
            self.clips = int(file.metadata()["clips"])
        state = load_file(path)
        self.parts.load_state_dict({k[4:]: v for k, v in state.items() if k.startswith("now.")})
        self.average.module.load_state_dict({k[8:]: v for k, v in state.items() if k.startswith("average.")})
        self.average.n_averaged.fill_(1)
        if (self.folder / "optimisers.pt").exists():
            states = torch.load(self.folder / "optimisers.pt", weights_only=True)
            for optimiser, saved in zip(self.optimisers, states, strict=True):
                optimiser.load_state_dict(saved)

    def _start_from_shipped(self) -> None:
        """The shipped averages; the reader, which is not shipped, starts anew."""
        shipped = Path(miniature_path(self.build.name))
        if not (shipped / "training.json").exists():
            return
        found = type(self.tap.pipe).from_pretrained(shipped, local_files_only=True)
        opened = {"denoiser": getattr(found, self.tap.family.attribute), "text_encoder": found.text_encoder}
        shapes = [[p.shape for p in part["denoiser"].parameters()] for part in (opened, self.parts)]
        if shapes[0] != shapes[1]:
            self.log(note="the shipped weights are of another build; starting anew")
            return
        for parts in (self.parts, self.averaged):
            for name, part in opened.items():
                parts[name].load_state_dict(part.state_dict())
        self.average.n_averaged.fill_(1)
        self.clips = json.loads((shipped / "training.json").read_text())["clips"]

    def encoded_clips(self, stage: int, frames: int = FRAMES) -> Callable[[int], dict[str, torch.Tensor]]:
        """Makes encoded clips of one stage of the curriculum."""
        world = STAGES[stage].world
        if (
            frames == 1
        ):  # no motion to name; and shapes come slowly where texture or a second object is most of the loss
            world = dataclasses.replace(world, motion_words=0, objects=0.9, slots=1, flat=0.5)
        seed = self.seed + 1000 * stage + self.clips + frames
        maker = ClipMaker(world, seed, max(2, frames), device=self.device)

        def make(n: int) -> dict[str, torch.Tensor]:
            clips = maker.render(n)
            with torch.no_grad():
                mean = self.vae.encode(clips.video[:, :frames].flatten(0, 1) * 2 - 1).latent_dist.mean
            latents = mean.unflatten(0, (n, -1)).transpose(1, 2) * self.vae.config.scaling_factor
            dropped = (
                torch.rand(n, generator=maker.generator, device=self.device) < self.settings.empty_prompts
            )
            texts = [
                "" if gone else text for text, gone in zip(clips.captions, dropped.tolist(), strict=True)
            ]
            shift = F.avg_pool2d(
                clips.shift[:, :frames].flatten(0, 1).permute(0, 3, 1, 2), SIZE // model.LATENT_SIZE
            )
            shift = shift.unflatten(0, (n, -1)).transpose(1, 2) / SHIFT_UNIT
            return {"latents": latents.half(), "shift": shift.half(), "ids": self._ids(texts)}

        return make

    def _predict(
        self, noisy: torch.Tensor, t: torch.Tensor, ids: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """v (b c f h w), and the shift (b f 2 h w) that is read from the feature layer, on its own cells."""
        calls: list[Call] = []
        denoiser = self.parts["denoiser"]
        with self.tap.listen(calls), capture(denoiser, [self.build.read]) as seen:
            v = self.build.denoise(denoiser, self.parts["text_encoder"], noisy, t, ids)
        features = self.tap.grid(seen[self.build.read], calls[0])
        return v, self.parts["reader"](features.flatten(0, 1)).unflatten(0, features.shape[:2])

    def loss(self, rows: dict[str, torch.Tensor], quiet: float = 1.0) -> torch.Tensor:
        """Mean squared error of the predicted v, and of the shift, at a random timestep.

        The shift is an auxiliary output as in VideoJAM (Chefer et al., 2025), here a linear one of an inner
        block: it brings motion early. It is training's alone and not shipped.
        """
        latents = rows["latents"].float()
        noise = torch.randn_like(latents)
        t = (1000 * torch.rand(len(latents), device=self.device) ** quiet).long()
        v, shift = self._predict(self.noise.add_noise(latents, noise, t), t, rows["ids"])
        truth = rows["shift"].float().transpose(1, 2)  # (b f 2 h w)
        truth = F.adaptive_avg_pool2d(truth.flatten(0, 1), (shift.shape[-2], shift.shape[-1])).view_as(shift)
        return torch.stack(
            [F.mse_loss(v, self.noise.get_velocity(latents, noise, t)), F.mse_loss(shift, truth)]
        )

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

    def run(self, minutes: float) -> None:
        """Train for `minutes`, then decay the learning rate to nothing over the last fifth."""
        stage, started = -1, time.monotonic()
        pools: dict[int, Pool] = {}  # by number of frames
        losses = collections.defaultdict(list)
        saved = probed = started
        first = self.clips
        for step, share in enumerate(until(minutes)):
            wanted = max(i for i, s in enumerate(STAGES) if self.clips >= s.begin)
            if wanted != stage:
                stage = wanted
                self.log(stage=stage, clips=self.clips)
                self._fill(pools, stage)
            set_rate(self.optimisers, self.settings.lr * min(1, (step + 1) / 100, 5 * (1 - share)))
            for name, value in self._backward(pools, STAGES[stage]).items():
                losses[name].append(value.detach())
            torch.nn.utils.clip_grad_norm_(self.parts.parameters(), 1.0)
            for optimiser in self.optimisers:
                optimiser.step()
            self.average.update_parameters(self.parts)
            self.clips += self.settings.batch
            now = time.monotonic()
            if step % 50 == 49:
                rate = (self.clips - first) / (now - started)
                means = {name: torch.stack(values).mean().item() for name, values in losses.items()}
                self.log(clips=self.clips, **means, rate=rate, minutes=(now - started) / 60)
                losses.clear()
            if now - saved > 60 * self.settings.save_every:
                self.save()
                saved = now
            if now - probed > 60 * self.settings.probe_every:
                self.log(clips=self.clips, r2=self._scores())
                probed = time.monotonic()
        self.save()
        self.log(clips=self.clips, r2=self._scores())

    def _fill(self, pools: dict[int, Pool], stage: int) -> None:
        """Make the pools, by number of frames, draw what this stage trains on."""
        for frames in (1, FRAMES) if STAGES[stage].stills < 1 else (1,):
            make = self.encoded_clips(stage, frames)
            if frames not in pools:
                pools[frames] = Pool(make, self.settings.pool, self.settings.reuse, self.seed)
            pools[frames].make = make

    def _backward(self, pools: dict[int, Pool], stage: Stage) -> dict[str, torch.Tensor]:
        """The gradients of one batch, of single frames or of clips; its losses by name."""
        stills = float(torch.rand(())) < stage.stills
        self.parts.zero_grad()
        if stills:
            with self.without_motion():
                v_loss, _ = self.loss(pools[1].draw(self.settings.batch * FRAMES), stage.quiet)
                v_loss.backward()
            return {"still": v_loss}
        v_loss, shift_loss = self.loss(pools[FRAMES].draw(self.settings.batch), stage.quiet)
        (v_loss + stage.shift * shift_loss).backward()
        return {"loss": v_loss, "shift": shift_loss}

    def _scores(self) -> dict[str, float]:
        from moft.miniature.probe import block_scores

        pipe = self.build.assemble(self.averaged["denoiser"], self.vae, self.averaged["text_encoder"])
        pipe.set_progress_bar_config(disable=True)
        self.averaged.eval()
        found = block_scores(pipe, self.build.blocks)
        self.averaged.train()
        return found

    def export(self, folder: Path) -> None:
        """Write the averaged weights as a diffusers pipeline, in float16 safetensors.

        The text encoder stays in float32: transformers loads weights as they are stored, diffusers as
        float32.
        """
        import copy

        denoiser, vae = copy.deepcopy(self.averaged["denoiser"]).half(), copy.deepcopy(self.vae).half()
        vae.register_to_config(_name_or_path="")  # where it was read from is nobody's business
        self.build.assemble(denoiser, vae, self.averaged["text_encoder"]).save_pretrained(folder)
        (folder / "training.json").write_text(json.dumps({"clips": self.clips}) + "\n")
