"""`python -m moft.miniature train | decoder | assemble | probe | sheet`: remake the miniature and see what it
has learned."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch

from moft.feature.statistics import Statistics, statistics_path
from moft.miniature.families import BUILDS
from moft.miniature.model import FRAMES
from moft.models.loading import miniature_path


def _train(args: argparse.Namespace) -> None:
    from moft.miniature.train import Settings, Trainer, shipped_vae
    from moft.miniature.train_vae import train_vae

    build = BUILDS[args.family]
    args.folder.mkdir(parents=True, exist_ok=True)
    torch.set_float32_matmul_precision("high")  # TF32 on a GPU; nothing changes on a CPU
    shared = args.family != "animatediff" and build.vae is BUILDS["animatediff"].vae
    shipped = (args.resume or shared) and shipped_vae(build).exists()
    if not (args.folder / "vae").exists() and not shipped:
        train_vae(args.folder, args.vae_minutes, build.vae(), args.device, args.seed)
    settings = Settings(
        batch=args.batch,
        lr=args.lr,
        reuse=args.reuse,
        save_every=args.save_every,
        probe_every=args.probe_every,
        stages=build.stages,
    )
    trainer = Trainer(args.folder, settings, args.device, args.seed, build)
    if args.resume:
        trainer.resume(args.start)
    trainer.run(args.clips, args.minutes)


def _decoder(args: argparse.Namespace) -> None:
    from moft.miniature.train import shipped_vae
    from moft.miniature.train_vae import train_decoder

    build = BUILDS[args.family]
    args.folder.mkdir(parents=True, exist_ok=True)
    own = args.folder / "vae"
    vae = type(build.vae()).from_pretrained(own if own.exists() else shipped_vae(build))
    train_decoder(args.folder, args.minutes, vae, args.device, args.seed)


def _assemble(args: argparse.Namespace) -> None:
    from moft.miniature.train import Settings, Trainer

    trainer = Trainer(args.folder, Settings(), build=BUILDS[args.family])
    trainer.resume()
    output = args.output or miniature_path(args.family)
    trainer.export(Path(output))
    print(f"{output}: {trainer.clips} clips")


def _pipeline(args: argparse.Namespace) -> Any:
    from diffusers import DiffusionPipeline

    return DiffusionPipeline.from_pretrained(args.model or miniature_path(args.family), local_files_only=True)


def _statistics(args: argparse.Namespace, pipe: Any) -> Statistics:
    """The model's own motion channels; of one that has none yet, those shipped with its family."""
    own = statistics_path(pipe)
    return Statistics.load(own if own.exists() else Path(miniature_path(args.family)) / own.name)


def _probe(args: argparse.Namespace) -> None:
    from moft.miniature.probe import probe

    pipe = _pipeline(args)
    scores = probe(pipe, _statistics(args, pipe), args.clips, args.samples, args.frames)
    print(json.dumps(scores, indent=None if args.json else 2))


def _sheet(args: argparse.Namespace) -> None:
    from PIL import Image

    from moft.miniature.probe import sample_scores

    pipe = _pipeline(args)
    pipe.set_progress_bar_config(disable=True)
    found = sample_scores(pipe, _statistics(args, pipe), 36, args.frames, args.speed)
    videos = found.pop("videos")[:, :: args.frames - 1]  # the first and the last frame, side by side
    rows = [
        np.concatenate([np.concatenate(list(v), 1) for v in videos[i : i + 6]], 1) for i in range(0, 36, 6)
    ]
    sheet = Image.fromarray(np.concatenate(rows, 0))
    sheet.resize((sheet.width * 2, sheet.height * 2), Image.Resampling.NEAREST).save(args.output)
    print(json.dumps(found))


def _options_of_training(verbs: Any) -> argparse.ArgumentParser:
    train: argparse.ArgumentParser = verbs.add_parser(
        "train", help="train the VAE (once), then the denoiser, up to a number of clips"
    )
    train.add_argument("--folder", type=Path, default=Path("runs"), help="where checkpoints and logs go")
    train.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    train.add_argument(
        "--clips",
        type=int,
        default=272_000,
        help="of eight frames, the shipped ones included, at which the training ends; the learning rate "
        "falls to nothing over the last fifth",
    )
    train.add_argument(
        "--minutes", type=float, default=math.inf, help="stop earlier; the same command with --resume goes on"
    )
    train.add_argument("--vae-minutes", type=float, default=12)
    train.add_argument(
        "--batch", type=int, default=24, help="clips of eight frames a step; fewer longer ones"
    )
    train.add_argument("--lr", type=float, default=2e-3)
    train.add_argument("--save-every", type=float, default=5, help="minutes")
    train.add_argument("--probe-every", type=float, default=60, help="minutes; a probe takes some")
    train.add_argument(
        "--reuse", type=float, default=6, help="how often a rendered clip is drawn; 1 on a GPU"
    )
    train.add_argument("--seed", type=int, default=0)
    train.add_argument(
        "--resume",
        action="store_true",
        help="go on from the folder's checkpoint, else from --start",
    )
    train.add_argument(
        "--start", type=Path, help="a pipeline that `assemble` wrote; default: the shipped weights"
    )
    train.set_defaults(run=_train)
    return train


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m moft.miniature", description=__doc__)
    verbs = parser.add_subparsers(required=True)
    train = _options_of_training(verbs)
    decoder = verbs.add_parser("decoder", help="go on with the VAE's decoder, on latents a little off")
    decoder.add_argument("--folder", type=Path, default=Path("runs"), help="where it goes, for `assemble`")
    decoder.add_argument("--minutes", type=float, default=10)
    decoder.add_argument("--device", default="cpu")
    decoder.add_argument("--seed", type=int, default=0)
    decoder.set_defaults(run=_decoder)
    assemble = verbs.add_parser("assemble", help="write the averaged weights as a diffusers pipeline")
    assemble.add_argument("--folder", type=Path, default=Path("runs"))
    assemble.add_argument("--output", help="default: the package's")
    assemble.set_defaults(run=_assemble)
    probe = verbs.add_parser("probe", help="score the shipped model on held-out scenes")
    probe.add_argument("--model", help="default: the shipped one")
    probe.add_argument("--json", action="store_true")
    probe.add_argument("--clips", type=int, default=512, help="held-out pans that velocity is read from")
    probe.add_argument("--samples", type=int, default=36, help="plain ones, and as many steered ones")
    probe.set_defaults(run=_probe)
    sheet = verbs.add_parser("sheet", help="a contact sheet of samples (first and last frames)")
    sheet.add_argument("--model", help="default: the shipped one")
    sheet.add_argument("--output", default="sheet.png")
    sheet.add_argument("--speed", help="steer them in the eight directions, such as 2px")
    sheet.set_defaults(run=_sheet)
    for verb in (probe, sheet):
        verb.add_argument("--frames", type=int, default=FRAMES, help="of each sample")
    for verb in (train, decoder, assemble, probe, sheet):
        verb.add_argument("--family", choices=BUILDS, default="animatediff")
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
