"""The size at which a model samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moft.errors import RequestError

if TYPE_CHECKING:
    from moft.types import ClipSize


def clip_size(
    pipe: Any, frames: int | None, height: int | None, width: int | None, made: dict[str, Any]
) -> ClipSize:
    """Size to sample: as asked, else that at which motion channels were found (`made`), else the model's own.

    Raises RequestError for what is too small or no whole number of latent cells."""
    from moft.models.families import family_of
    from moft.models.families.inputs import inputs_of
    from moft.models.pipeline import frame_stride, pixels_per_cell
    from moft.types import ClipSize

    family, unit = family_of(pipe), pixels_per_cell(pipe)
    usual = inputs_of(pipe)
    config = getattr(pipe, family.attribute).config
    first, stride = family.first_frames, frame_stride(pipe)

    def side(name: str) -> int:
        cells = config.get(f"sample_{name}") or config.get("sample_size")
        model = cells * unit if isinstance(cells, int) else getattr(pipe, f"default_{name}", 512)
        return usual.get(name) or model

    own = next((config[name] for name in ("num_frames", "video_length") if config.get(name)), None)
    length = frames or made.get("frames") or own or usual.get(family.frames) or first + 15 // stride * stride
    found = made.get("size") or (None, None)
    size = ClipSize(length, height or found[0] or side("height"), width or found[1] or side("width"))
    if (size.frames - first) % stride:
        raise RequestError(f"expected {first} + a multiple of {stride} frames, got {size.frames}")
    if size.frames < 2 or size.side < 16 or size.height % unit or size.width % unit:
        got = f"{size.frames} frames of {size.height} x {size.width}"
        raise RequestError(
            f"expected 2 frames or more and sides of 16 px or more, multiples of {unit}; got {got}"
        )
    longest = config.get("motion_max_seq_length")
    if isinstance(longest, int) and size.frames > longest:
        raise RequestError(
            f"expected at most {longest} frames, for which {type(pipe).__name__} has positions, got "
            f"{size.frames}"
        )
    return size
