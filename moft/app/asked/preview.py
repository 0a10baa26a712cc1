"""What was asked, tried on a picture without the model: the picture taken along, and arrows."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from moft.field.asked import middle
from moft.field.carried import carried
from moft.field.field import Field
from moft.field.given import read_shown
from moft.media.checks import Tell
from moft.media.frames import Source, evenly
from moft.media.mask import check_agreement, read_regions
from moft.metrics.agreement import places
from moft.request.along import Along
from moft.request.drag import Drag
from moft.request.like import Like
from moft.request.motion import Motion
from moft.request.speed import speed_of
from moft.steering.dragging import RADIUS, discs, trajectories
from moft.types import ClipSize

if TYPE_CHECKING:
    from moft.request.parse import AnyRequest
    from moft.types import Floats, Mask, Picture, Video

SIDE = 144  # px: shorter side of the pictures that are taken along
CELLS = 48  # along the longer side, at which fields are laid out; what is smooth needs no more
ARROWS = 12  # along the longer side
MOST = 48  # frames of a preview
_KNOWN = 0.2  # weight below which a place has no arrow
_GREY, _LINE, _MESH = 150, 110, 8  # of the board that stands for a picture; lines a side


@dataclass(frozen=True, eq=False)
class Preview:
    """What was asked, frame by frame."""

    size: ClipSize  # of the clip that would be made
    at: tuple[int, ...]  # which of its frames these are
    video: Video  # uint8 (n h w 3)
    places: Floats  # (k 2) px of the clip, where arrows stand
    steps: Floats  # (n-1 k 2) px a frame; NaN where nothing is asked

    def to_json(self) -> dict[str, Any]:
        """As the page shows it: pictures as addresses of data, which need no request."""
        known = ~np.isnan(self.steps[..., 0])
        steps = [
            [[round(x, 3), round(y, 3)] if seen else None for (x, y), seen in zip(step, sure, strict=True)]
            for step, sure in zip(self.steps.tolist(), known, strict=True)
        ]
        return {
            "width": self.video.shape[2],
            "height": self.video.shape[1],
            "size": asdict(self.size),
            "frames": [_as_address(frame) for frame in self.video],
            "at": list(self.at),
            "arrows": {"places": self.places.round(2).tolist(), "steps": steps},
        }


Shown = Callable[[Like | Along, ClipSize, tuple[int, int]], Any]  # what one names, laid out: `read_shown`


def preview(
    requests: Sequence[AnyRequest],
    size: ClipSize,
    picture: Picture | None,
    *,
    most: int = 24,
    source: Source | None = None,
    tell: Tell = lambda line: None,
    shown: Shown | None = None,
) -> Preview:
    """Take a picture uint8 (h w 3), of the clip's shape, along what requests ask of a clip; None: a board.

    most: frames to show, 2…MOST. source: what the run starts from, as of `read_regions`. shown: reads what a
    request names, for who keeps it; None reads it now.
    Raises RequestError and MediaError as a run of these requests would."""
    board = _board(size) if picture is None else picture
    grid = _sides(size, CELLS)
    at = evenly(size.frames, min(most, MOST, size.frames))
    read = shown or (lambda request, whole, cells: read_shown(request, whole, tell, cells))
    whole_masks = regions_of(requests, size, tell, source)
    masks = [mask if mask is None else _coarse(mask, grid) for mask in whole_masks]
    fields = [
        _field_of(request, mask, size, grid, read) for request, mask in zip(requests, masks, strict=True)
    ]
    whole = _together([field for field in fields if field is not None], (size.frames, *grid))
    few = _lighter(whole.stretched(len(at)))
    arrows = few.resized(len(at), *_sides(size, ARROWS))
    return Preview(size, tuple(at.tolist()), carried(board, few), *_arrows(arrows, at, size))


def small(size: ClipSize) -> tuple[int, int]:
    """(height, width) px of pictures that are taken along, for a clip of this size."""
    factor = min(SIDE / size.side, 1)
    height, width = (max(round(side * factor), 1) for side in (size.height, size.width))
    return height, width


def _board(size: ClipSize) -> Picture:
    height, width = small(size)
    found = np.full((height, width, 3), _GREY, np.uint8)
    apart = max(min(height, width) // _MESH, 2)
    found[apart // 2 :: apart] = found[:, apart // 2 :: apart] = _LINE
    return found


def _sides(size: ClipSize, longer: int) -> tuple[int, int]:
    """(rows, columns) of so many cells along the longer side, in the clip's shape."""
    factor = min(longer / max(size.height, size.width), 1)
    rows, columns = (max(round(side * factor), 1) for side in (size.height, size.width))
    return rows, columns


def regions_of(
    requests: Sequence[AnyRequest], size: ClipSize, tell: Tell, source: Source | None
) -> list[Mask | None]:
    """Where each request counts, as of `read_regions`; None for a drag and for the whole picture.

    Raises RequestError and MediaError as a run of these requests would."""
    steered = [request for request in requests if not isinstance(request, Drag)]
    if not steered:
        return [None] * len(requests)
    masks = read_regions([request.region for request in steered], size, tell, source)
    check_agreement(steered, masks)
    return masks


def _coarse(mask: Mask, grid: tuple[int, int]) -> Mask:
    """A region (h w) or (f h w) at other cells, which is less to lay over every frame."""
    found = places(mask.reshape(-1, *mask.shape[-2:], 1), *grid)[..., 0].astype(np.float32)
    return found[0] if mask.ndim == 2 else found


def _field_of(
    request: AnyRequest, mask: Mask | None, size: ClipSize, grid: tuple[int, int], shown: Shown
) -> Field | None:
    """What one request asks, where it counts; None for one that asks nothing."""
    if isinstance(request, Drag):
        return _dragged(request, size, grid)
    if not request.strength:
        return None
    if isinstance(request, Motion):
        about = middle(request.region, mask, size)
        found = Field.of_motion(_in_sides(request, size), ClipSize(size.frames, *grid), about)
    else:
        found = shown(request, size, grid).field(mask).resized(size.frames, *grid)
    return found if mask is None else found.masked(mask)


def _in_sides(motion: Motion, size: ClipSize) -> Motion:
    """The same without px, which would be those of the coarse grid."""
    value, unit = speed_of(motion.speed)
    return replace(motion, speed=value / size.side) if unit == "px" and motion.path is None else motion


def _dragged(drag: Drag, size: ClipSize, grid: tuple[int, int]) -> Field:
    """What lies around each point goes with it; between points, the nearer ones say more."""
    factor = grid[0] / size.height
    radius = (drag.radius or RADIUS * size.side) * factor
    cells = ClipSize(size.frames, *grid)
    paths = (trajectories(drag, size) + 0.5) * factor - 0.5
    near = np.stack([discs(path, radius, cells) for path in paths])[:, :-1]  # (n f-1 h w)
    y, x = np.mgrid[: grid[0], : grid[1]]
    apart = np.hypot(x - paths[:, :-1, 0, None, None], y - paths[:, :-1, 1, None, None])
    share = near / (apart + 1)
    share = share / np.maximum(share.sum(0), 1e-9)
    steps = np.einsum("nfhw,nfk->fhwk", share, np.diff(paths, axis=1)) / min(grid)
    return Field.of_steps(steps, near.max(0))


def _together(fields: Sequence[Field], shape: tuple[int, int, int]) -> Field:
    """All at once; where several say something, the surer one counts more."""
    if not fields:
        return Field(np.zeros((*shape, 2)), np.zeros(shape))
    if len(fields) == 1:
        return fields[0]
    weights = np.stack([field.weight for field in fields])
    moves = np.stack([field.displacement for field in fields])
    total = np.maximum(weights.sum(0), 1e-9)
    return Field((moves * (weights / total)[..., None]).sum(0), weights.max(0))


def _lighter(field: Field) -> Field:
    """The same in half the memory, and time."""
    return Field(field.displacement.astype(np.float32), field.weight.astype(np.float32))


def _arrows(field: Field, at: Any, size: ClipSize) -> tuple[Floats, Floats]:
    """Places (k 2) px of the clip, and the steps there (n-1 k 2), px a frame."""
    rows, columns = field.weight.shape[1:]
    x, y = (
        (np.arange(columns) + 0.5) * size.width / columns - 0.5,
        (np.arange(rows) + 0.5) * size.height / rows - 0.5,
    )
    middles = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    gaps = np.maximum(np.diff(at), 1)[:, None, None]
    steps = field.steps.reshape(len(at) - 1, -1, 2) * size.side / gaps
    sure = np.minimum(field.weight[1:], field.weight[:-1]).reshape(len(at) - 1, -1)
    return middles, np.where(sure[..., None] > _KNOWN, steps, np.nan)


def _as_address(frame: Picture) -> str:
    from PIL import Image

    held = io.BytesIO()
    Image.fromarray(frame).save(held, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(held.getvalue()).decode()}"
