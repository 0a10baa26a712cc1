"""The errors that moft raises on purpose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from moft.printing import in_a_line


class MoftError(ValueError):
    """Base of them all; the message says what was expected, what came, and what to do."""


class MediaError(MoftError):
    """A video, image or mask that is unreadable, hostile, or not what it claims to be."""


class RequestError(MoftError):
    """A motion request that contradicts itself or the clip it is meant for."""


class BackboneError(MoftError):
    """A pipeline, or a setting of one, that is unknown or not supported."""


class SteeringWarning(UserWarning):
    """A block of `steer` was left in which nothing was guided, or little: its clip is almost a plain one.

    warnings.simplefilter("error", moft.SteeringWarning)  # to be stopped by it
    """


class RecipeError(MoftError):
    """A recipe that is missing or malformed, or that names what is gone, has changed, or must be
    confirmed."""


@contextmanager
def understood(told: Callable[[str], MoftError]) -> Iterator[None]:
    """Whatever others' code raises in the block, as one of these errors; `told` is given what it was, in a
    line."""
    try:
        yield
    except MoftError:
        raise
    except Exception as error:
        raise told(f"{type(error).__name__}: {in_a_line(error):.200}") from error
