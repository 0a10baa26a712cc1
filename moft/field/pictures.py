"""One synced video of a steered run: plain, steered, what was asked and what was measured as arrows, and how
far off each place is.

Orange is asked, blue is measured (Okabe and Ito's, told apart by colour-blind readers); the arrows' tips
differ too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from moft.field.arrows import arrow, enlarged
from moft.field.asked import asked_flow, middle
from moft.metrics.agreement import CELLS
from moft.metrics.flow import dense_flow
from moft.request.motion import Motion
from moft.types import ClipSize

if TYPE_CHECKING:
    from PIL.Image import Image

    from moft.types import Flow, Mask, Video


PANEL, CAPTION, GAP = 192, 22, 4  # px: least side of a panel, height of its title, space between panels
ASKED, MEASURED = (230, 159, 0), (0, 114, 178)
REACH = 0.28  # of a panel's shorter side: the longest arrow
FAINT = 0.2  # of the shorter side's 1/64 a frame: below, a dot stands for an arrow


def story(
    plain: Video,
    steered: Video,
    asked: Sequence[tuple[Motion | Flow, Mask | None]],
    followed: Sequence[Video] = (),
) -> Video:
    """The panels next to each other, each titled: clips to follow, plain, steered, arrows, how far off.

    Args:
        plain, steered, followed: uint8 (f h w 3) of one size, f ≥ 2.
        asked: each request, or the flow (f-1 h w 2) px that it asks place by place, with its region, (h w)
            or (f h w) in 0…1 of the clips' size, None for the whole frame. Of places in several the last
            counts.
    Returns:
        uint8 (f H W 3). The last frame's flow is repeated, since a clip has one step less than frames.
    """
    _, height, width = steered.shape[:3]
    factor = math.ceil(PANEL / min(height, width))
    flow, regions = dense_flow(steered), [_inside(region, steered.shape[:3]) for _, region in asked]
    goal, where = _goal(asked, regions, ClipSize.of(steered))
    parts = [
        part for (motion, _), region in zip(asked, regions, strict=True) for part in _parts(motion, region)
    ]
    off = np.where(where, np.linalg.norm(flow - goal, axis=-1), np.nan)
    # as far off as most is asked, or 1 px at 64
    top = max(float(np.quantile(np.linalg.norm(goal, axis=-1), 0.98)), min(height, width) / 64)
    panels = {f"to follow{' ' * i}": clip for i, clip in enumerate(followed)} | {
        "plain": plain,
        "steered": steered,
    }
    shown = {name: [enlarged(frame, factor) for frame in clip] for name, clip in panels.items()}
    shown["asked, measured"] = [
        _arrows(frame, flow[i], goal[i], [part[i] for part in parts], factor)
        for frame, i in zip(steered, _steps(steered), strict=True)
    ]
    shown[f"off by 0 to {top:.1f} px"] = [
        enlarged(_heat(off[i] / top, steered[i]), factor) for i in _steps(steered)
    ]
    return np.stack(
        [_row(dict(zip(shown, frames, strict=True))) for frames in zip(*shown.values(), strict=True)]
    )


def _steps(video: Video) -> list[int]:
    """Which step of the flow is shown with each frame."""
    return [min(i, len(video) - 2) for i in range(len(video))]


def _parts(motion: Motion | Flow, region: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.bool_]]:
    """Where arrows stand for a request in its region (f h w): one for all of it, or where each place goes by
    itself one for each of the places that are compared."""
    if isinstance(motion, Motion):
        return [region]
    rows, columns = (np.arange(n) * CELLS // n for n in region.shape[1:])
    places = rows[:, None] * CELLS + columns
    return [region & (places == i) for i in range(CELLS**2)]


def _goal(
    asked: Sequence[tuple[Motion | Flow, Mask | None]],
    regions: Sequence[npt.NDArray[np.bool_]],
    clip: ClipSize,
) -> tuple[Flow, npt.NDArray[np.bool_]]:
    """The flow that was asked for at each place, (f-1 h w 2), and where any was, (f-1 h w)."""
    steps = (clip.frames - 1, clip.height, clip.width)
    goal, where = np.zeros((*steps, 2), np.float32), np.zeros(steps, bool)
    for (motion, mask), region in zip(asked, regions, strict=True):
        inside, flow = region[:-1], motion
        if isinstance(flow, Motion):
            flow = asked_flow(flow, clip, middle(flow.region, mask, clip))
        goal[inside], where[inside] = flow[inside], True
    return goal, where


def _inside(region: np.ndarray | None, size: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    return np.broadcast_to(True if region is None else region > 0.5, size)


def _arrows(
    frame: Video, flow: Flow, goal: Flow, regions: Sequence[npt.NDArray[np.bool_]], factor: int
) -> Image:
    """The frame, paler, with two arrows a region (h w): the mean motion that was asked of it, and its own."""
    from PIL import ImageDraw

    picture = enlarged((frame // 2 + 112).astype(np.uint8), factor)
    draw, side = ImageDraw.Draw(picture), min(frame.shape[:2])
    means = [(region, goal[region].mean(0), flow[region].mean(0)) for region in regions if region.any()]
    size = 1.0 if len(means) < CELLS**2 else 0.55
    longest = (
        max(side / 64, *(float(np.linalg.norm(v)) for _, *pair in means for v in pair)) if means else 1.0
    )
    for region, *pair in means:
        middle = (np.argwhere(region).mean(0)[::-1] + 0.5) * factor
        along = max(pair, key=lambda velocity: float(np.linalg.norm(velocity)))
        across = (
            5 * size * np.array([-along[1], along[0]]) / max(float(np.linalg.norm(along)), 1e-9)
        )  # arrows beside each other
        for velocity, colour, sign in zip(pair, (ASKED, MEASURED), (-1, 1), strict=True):
            far = velocity * size * REACH * side * factor / longest
            arrow(
                draw,
                middle + sign * across,
                far if np.linalg.norm(velocity) >= FAINT * side / 64 else None,
                colour,
                size,
            )
    return picture


def _heat(share: npt.NDArray[np.floating[Any]], frame: Video) -> Video:
    """Values in 0…1 (h w) in colour, brightest where most is off; where nothing was asked (NaN), the frame in
    grey."""
    import cv2

    level = (np.nan_to_num(share).clip(0, 1) * 255).astype(np.uint8)
    colours = cv2.cvtColor(cv2.applyColorMap(level, cv2.COLORMAP_CIVIDIS), cv2.COLOR_BGR2RGB)
    grey = np.repeat(frame.mean(-1, keepdims=True), 3, -1) / 2 + 64
    return np.where(np.isnan(share)[..., None], grey, colours).astype(np.uint8)


def _row(panels: dict[str, Image]) -> Video:
    """Titled panels next to each other on white."""
    from PIL import Image, ImageDraw, ImageFont

    width, height = next(iter(panels.values())).size
    sheet = Image.new("RGB", (len(panels) * (width + GAP) - GAP, height + CAPTION), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for i, (title, picture) in enumerate(panels.items()):
        left = i * (width + GAP)
        sheet.paste(picture, (left, CAPTION))
        if title == "asked, measured":  # the legend is the title
            draw.text((left + 4, 3), "asked", ASKED, font)
            draw.text((left + 52, 3), "measured, mean", MEASURED, font)
        else:
            draw.text((left + 4, 3), title, "black", font)
    return np.asarray(sheet)


SOFT = 2  # px inside a mask over which what is drawn anew comes in, so that no seam shows


def composited(rest: Video, drawn: Video, mask: Mask) -> Video:
    """One clip inside a mask and another outside, uint8 (f h w 3): outside exactly, inside growing in from
    the edge. mask: (h w) or (f h w) in 0…1, of the clips' size."""
    import torch
    import torch.nn.functional as F

    planes = torch.from_numpy(np.array(mask, np.float32)).reshape(-1, 1, *mask.shape[-2:])
    wide = F.avg_pool2d(F.pad(planes, [SOFT] * 4, mode="replicate"), 2 * SOFT + 1, 1)
    weight = (planes * (2 * wide - 1).clamp(0, 1))[:, 0, :, :, None].numpy()
    return np.round(rest + weight * (drawn.astype(np.float32) - rest)).astype(np.uint8)
