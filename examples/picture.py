"""Draw docs/steer.png: eight frames of the miniature from one seed, plain and steered.

python examples/picture.py [--prompt "a red ball over blue stripes"] [--seed 3] [-o docs/steer.png]
"""

from __future__ import annotations

import argparse

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import moft
from moft.bench.control.asked import steered
from moft.bench.control.commands import quiet_pipeline
from moft.bench.task import clips as sample
from moft.known.renderer import SIZE

LEFT_HALF = np.repeat([[1.0, 0.0]], 2, 0)
SCALE, MARGIN = 2, 190  # px a px; width of the labels


def rows(prompt: str, seed: int) -> dict[str, np.ndarray]:
    """Clips (f h w 3) by what was asked, each with the motion that was measured."""
    pipe = quiet_pipeline("miniature")
    with moft.record(pipe) as plain:
        clips = {"plain": sample(pipe, [prompt], seed)[0]}
    for name in ("left", "down", "zoom in", "still"):
        clips[name] = steered(
            pipe, [prompt], seed, moft.Motion(name, speed=None if " " in name or name == "still" else "2px")
        )[0]
    up = moft.Motion("up", speed="2px")
    clips["left half up"] = steered(pipe, [prompt], seed, up, regions=[LEFT_HALF], plain=plain)[0]
    return {
        f"{name}\n{_measured(clip, LEFT_HALF if 'half' in name else None)}": clip
        for name, clip in clips.items()
    }


def _measured(clip: np.ndarray, mask: np.ndarray | None) -> str:
    shown = moft.measure(clip, mask)
    words = _arrow(shown.inside)
    if shown.outside:
        words += f"\nright {_arrow(shown.outside)}"
    return words if abs(shown.zoom) < 0.01 else f"{words}\nzoom {100 * shown.zoom:+.1f} %"


def _arrow(velocity: tuple[float, float]) -> str:
    x, y = (round(v, 1) + 0.0 for v in velocity)  # + 0.0: no minus before nought
    return f"({x:+.1f}, {y:+.1f}) px"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prompt", default="a red ball over blue stripes")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("-o", "--output", default="docs/steer.png")
    args = parser.parse_args()
    clips = rows(args.prompt, args.seed)
    side = SCALE * SIZE
    sheet = Image.new("RGB", (MARGIN + side * len(next(iter(clips.values()))), side * len(clips)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(20)
    for row, (label, clip) in enumerate(clips.items()):
        draw.multiline_text((10, row * side + 20), label, "black", font, spacing=8)
        for column, frame in enumerate(clip):
            picture = Image.fromarray(frame).resize((side, side), Image.Resampling.BICUBIC)
            sheet.paste(picture, (MARGIN + column * side, row * side))
    sheet.quantize(256).save(args.output, optimize=True)


if __name__ == "__main__":
    main()
