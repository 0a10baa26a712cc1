"""Pictures and animations of kinds that Pillow opens, as viewers show them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from moft.media.checks import A_BYTE_OF_A_PICTURE, Budget, check_pixels, refusal
from moft.media.decoding.animations import Header, read_header
from moft.media.decoding.shown import Reel, Shown, upright
from moft.media.decoding.tables import check_tables
from moft.media.decoding.times import copies, step_of
from moft.media.opening import demuxed

if TYPE_CHECKING:
    from PIL.Image import Image

_MOST_FRAMES = 4096  # that a comment may make of few
RATE = "frames-per-second"  # in the comment of a gif, whose frames may be joined


@contextmanager
def pictures(file: BinaryIO, kind: str) -> Iterator[Reel]:
    """The frames of an open file of one of `moft.media.opening.IMAGES`.

    Raises MediaError for pictures above the limits."""
    import PIL.Image

    header, budget = read_header(file, kind), Budget.of(file, A_BYTE_OF_A_PICTURE)
    if header is not None:
        check_pixels(file.name, header.width, header.height)
        budget.check_frame(header.width, header.height)
    with PIL.Image.open(file, formats=[kind]) as image:
        check_pixels(file.name, image.width, image.height)
        budget.check_frame(image.width, image.height)
        # A jpeg may carry further pictures (depth, gain map): they are no frames.
        length = getattr(image, "n_frames", 1) if header is None and kind == "AVIF" else 1
        seconds = header.seconds if header is not None else _told_seconds(file, length)
        said = _said_rate(header)
        step = said or (step_of(seconds) if len(seconds) > 1 else None)
        counts = list(copies(iter(seconds), step))
        # The picture that viewers without animation show is none of its frames.
        first = int(bool(getattr(image, "default_image", False)) and len(seconds) > 1)

        def shown() -> Iterator[Shown]:
            for index, count in enumerate(counts, first):
                yield Shown(partial(_picture, image, index, file.name), count)

        yield Reel(
            name=file.name,
            width=image.width,
            height=image.height,
            length=sum(counts),
            stored=len(counts),
            pictures=shown(),
            ground="white",
            step=step,
            joined=said is not None,
            budget=budget,
            exact=kind not in ("JPEG", "AVIF"),
        )


def _told_seconds(file: BinaryIO, count: int) -> list[float]:
    """How long each of so many frames of an AVIF is shown, by the clip in it; zeros if that is not told."""
    if count > 1:
        check_tables(file, os.fstat(file.fileno()).st_size)
        with demuxed(file, "mov") as container:
            for stream in container.streams.video:
                if stream.frames == count:
                    found = [float(p.duration * stream.time_base) for p in container.demux(stream) if p.size]
                    return found if len(found) == count else [0.0] * count
    return [0.0] * count


def _said_rate(header: Header | None) -> float | None:
    """Seconds from one frame to the next of a gif of ours, whose equal neighbours are joined."""
    tags = {} if header is None else comment_tags(header.comment.decode("utf-8", "replace"))
    try:
        rate = float(tags.get(RATE, "0"))
    except ValueError:
        return None
    most = 100  # hundredths of a second are the finest that a gif can say
    return 1 / rate if 0 < rate <= most and header and sum(header.seconds) * rate <= _MOST_FRAMES else None


def comment_tags(comment: str) -> dict[str, str]:
    """The lines NAME=TEXT of a comment, names in lower case; none if it is not made of such lines."""
    lines = comment.split("\n")
    return {name.lower(): text for name, equals, text in (line.partition("=") for line in lines) if equals}


def _picture(image: Image, index: int, name: str) -> Image:
    if index:
        try:
            image.seek(index)
        except EOFError as error:
            raise refusal(name, "a complete file", f"{index} frames only", "download it again") from error
    check_pixels(name, image.width, image.height)
    if image.format == "GIF" and image.mode == "P":  # as Pillow gives those after the first
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    return upright(image.copy())
