"""Frames at uneven times as frames of a constant rate: each as often as it was shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

_NEAR = 0.25  # of a step, by which a frame may be early or late
_MOST_LATE = 0.45  # of a step, so that a rate which is not quite right costs no frame
_LEAST, _MOST = 64, 8  # copies made in all: this many, or this many for each frame


def step_of(shown: Sequence[float]) -> float | None:
    """The time from one frame to the next of a clip, if it had a constant rate; seconds.

    shown: how long each frame is shown, in seconds. Where all times are about multiples of the shortest,
    that is it; else the median. None for a clip that says nothing."""
    times = np.asarray([d for d in shown if d > 0])
    if len(times) < max(1, 0.9 * len(shown)):
        return None
    shortest = float(times.min())
    counts = np.round(times / shortest)
    if np.abs(times / shortest - counts).max() < _NEAR:
        step = float(times.sum() / counts.sum())
    else:
        step = float(np.median(times))
    # What a few bytes say must not become frames without end.
    return max(step, float(times.sum()) / max(_LEAST, _MOST * len(times)))


def copies(shown: Iterator[float], step: float | None) -> Iterator[int]:
    """How many frames of a constant rate stand for each that is shown for so many seconds.

    Nearly even times are even: small differences, which containers make by rounding, never add up to a frame
    too many."""
    late = 0.0
    for seconds in shown:
        if step is None:
            yield 1
            continue
        steps = max(seconds, 0.0) / step
        count = 1 if abs(steps - 1) <= _NEAR else int(np.floor(steps + late + 0.5))
        late = min(max(late + steps - count, -_MOST_LATE), _MOST_LATE)
        yield count
