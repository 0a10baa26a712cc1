"""`python -m moft.miniature train | assemble | probe | sheet`: remake the miniature and see what it has
learned."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from moft.miniature.latte import LATTE
from moft.miniature.model import ANIMATEDIFF
from moft.models.loading import miniature_path

BUILDS = {build.name: build for build in (ANIMATEDIFF, LATTE)}


def _train(args: argparse.Namespace) -> None:
    from moft.miniature.train import Settings, Trainer
    from moft.miniature.train_vae import train_vae

    args.folder.mkdir(parents=True, exist_ok=True)
    torch.set_float32_matmul_precision("high")  # TF32 on a GPU; nothing changes on a CPU
    shipped = args.resume and (Path(miniature_path()) / "vae").exists()
    if not (args.folder / "vae").exists() and not shipped:
        train_vae(args.folder, args.vae_minutes, args.device, args.seed)
    trainer = Trainer(
        args.folder,
        Settings(batch=args.batch, lr=args.lr, reuse=args.reuse),
        args.device,
        args.seed,
        BUILDS[args.family],
    )
    if args.resume:
        trainer.resume()
    trainer.run(args.minutes)


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


def _probe(args: argparse.Namespace) -> None:
    from moft.miniature.probe import probe

    scores = probe(_pipeline(args))
    print(json.dumps(scores, indent=None if args.json else 2))


def _sheet(args: argparse.Namespace) -> None:
    from PIL import Image

    from moft.miniature.probe import sample_scores

    pipe = _pipeline(args)
    pipe.set_progress_bar_config(disable=True)
    found = sample_scores(pipe, 36)
    videos = found["videos"][:, ::7]  # the first and the last frame of each, side by side
    rows = [
        np.concatenate([np.concatenate(list(v), 1) for v in videos[i : i + 6]], 1) for i in range(0, 36, 6)
    ]
    sheet = Image.fromarray(np.concatenate(rows, 0))
    sheet.resize((sheet.width * 2, sheet.height * 2), Image.Resampling.NEAREST).save(args.output)
    print(json.dumps(found["obeyed"]))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m moft.miniature", description=__doc__)
    verbs = parser.add_subparsers(required=True)
    train = verbs.add_parser("train", help="train the VAE (once) and the denoiser, for some minutes")
    train.add_argument("--folder", type=Path, default=Path("runs"), help="where checkpoints and logs go")
    train.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    train.add_argument("--minutes", type=float, default=60)
    train.add_argument("--vae-minutes", type=float, default=12)
    train.add_argument("--batch", type=int, default=24)
    train.add_argument("--lr", type=float, default=2e-3)
    train.add_argument("--reuse", type=int, default=6, help="how often a rendered clip is drawn; 1 on a GPU")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument(
        "--resume",
        action="store_true",
        help="go on from the folder's checkpoint, else from the shipped weights",
    )
    train.set_defaults(run=_train)
    assemble = verbs.add_parser("assemble", help="write the averaged weights as a diffusers pipeline")
    assemble.add_argument("--folder", type=Path, default=Path("runs"))
    assemble.add_argument("--output", help="default: the package's")
    assemble.set_defaults(run=_assemble)
    probe = verbs.add_parser("probe", help="score the shipped model on held-out scenes")
    probe.add_argument("--model", help="default: the shipped one")
    probe.add_argument("--json", action="store_true")
    probe.set_defaults(run=_probe)
    sheet = verbs.add_parser("sheet", help="a contact sheet of samples (first and last frames)")
    sheet.add_argument("--model", help="default: the shipped one")
    sheet.add_argument("--output", default="sheet.png")
    sheet.set_defaults(run=_sheet)
    for verb in (train, assemble, probe, sheet):
        verb.add_argument("--family", choices=BUILDS, default="animatediff")
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
