"""Motion that is too long for a flow that starts from rest: where blocks of a picture are in the next one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from moft.types import Flags, Flow

    Grey = npt.NDArray[np.uint8]  # (h w)

SIDE = 128  # px of the shorter side at which blocks are looked for
BLOCK, EVERY = 32, 16  # px of a block and from one to the next
LEAST_CONTRAST = 4.0  # standard deviation of a block that can be told from others
ALIKE = 0.7  # correlation from which a block is taken to be found
MOST = 4  # ways in which parts of the picture go at once


def leaps(before: Grey, after: Grey) -> list[tuple[float, float]]:
    """Displacements (x, y) px that several blocks of a picture (h w) share, the most common first; to within
    the 64th part of the shorter side.

    Blocks are looked for all over the next picture by normalised correlation, so a displacement may be as
    long as leaves a block in it: up to three quarters of a side.
    """
    scale = min(before.shape) / SIDE
    found = list(_matched(_reduced(before, scale), _reduced(after, scale)))
    shared: list[tuple[float, float]] = []
    while found and len(shared) < MOST:
        apart = np.linalg.norm(np.subtract(found, np.array(found)[:, None]), axis=-1) <= SIDE / 32
        best = int(apart.sum(1).argmax())
        if apart[best].sum() < 2:
            break
        x, y = np.array(found)[apart[best]].mean(0) * scale
        shared.append((float(x), float(y)))
        found = [at for at, taken in zip(found, apart[best], strict=True) if not taken]
    return shared


def _matched(before: Grey, after: Grey) -> Iterator[tuple[int, int]]:
    """Displacement (x, y) of each block that is found again."""
    import cv2

    height, width = before.shape
    for y in range(0, height - BLOCK + 1, EVERY):
        for x in range(0, width - BLOCK + 1, EVERY):
            block = before[y : y + BLOCK, x : x + BLOCK]
            if block.std() < LEAST_CONTRAST:
                continue
            alike = cv2.matchTemplate(after, block, cv2.TM_CCOEFF_NORMED)
            _, best, _, (x1, y1) = cv2.minMaxLoc(alike)
            if best >= ALIKE:
                yield x1 - x, y1 - y


def _reduced(picture: Grey, scale: float) -> Grey:
    import cv2

    size = tuple(round(side / scale) for side in picture.shape[::-1])
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def misfit(before: Grey, after: Grey, flow: Flow) -> npt.NDArray[np.float32]:
    """How unlike a picture (h w) is to the next one where a flow (h w 2) px leads, (h w): the mean difference
    of levels around each pixel. Where it leads outside, half of the picture's contrast: worse than any match,
    better than something else."""
    import cv2

    y, x = np.indices(before.shape, np.float32)
    there = cv2.remap(
        after, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    apart = np.asarray(cv2.absdiff(before, there), np.float32)
    apart[outside(flow)] = before.std() / 2
    return np.asarray(cv2.blur(apart, _window(before, 16)))


def outside(flow: Flow) -> Flags:
    """Where a flow (h w 2) px leads out of the picture, (h w)."""
    height, width = flow.shape[:2]
    y, x = np.indices((height, width), np.float32)
    x, y = x + flow[..., 0], y + flow[..., 1]
    return (x < -0.5) | (y < -0.5) | (x > width - 0.5) | (y > height - 0.5)


def gone(found: Sequence[Flow], which: npt.NDArray[np.int_], lost: Flags) -> npt.NDArray[np.int_]:
    """Which of the flows counts at each place (h w): as it was, but where none fits that one which leads out
    of the picture there, and of several the one that counts most around."""
    import cv2

    support = [
        np.where(outside(flow), cv2.blur((which == i).astype(np.float32), _window(which, 2)), 0)
        for i, flow in enumerate(found)
    ]
    best = np.argmax(support, 0)
    return np.where(lost & (np.max(support, 0) > 0), best, which)


def chosen(found: Sequence[Flow], which: npt.NDArray[np.int_]) -> Flow:
    """At each place the flow of that number: (h w 2)."""
    return np.take_along_axis(np.stack(found), which[None, ..., None], 0)[0]


def _window(picture: npt.NDArray[Any], part: int) -> tuple[int, int]:
    """An odd number of px, about such a part of the shorter side."""
    side = 2 * (min(picture.shape) // (2 * part)) + 1
    return side, side
