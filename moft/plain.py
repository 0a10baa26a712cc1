"""JSON that may come from anyone: plain values, of bounded size, depth and numbers."""

from __future__ import annotations

import json
import math
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

from moft.errors import MoftError, RequestError
from moft.ordinary import open_ordinary

if TYPE_CHECKING:
    from moft.types import PathLike

MAX_BYTES = 2**20  # of a recipe, in a clip or beside it, and of a file of requests
MAX_DEPTH = 32  # lists and objects within each other; what moft writes has six
MAX_DIGITS = 20  # of a whole number: those of 2**64
FOREIGN_DIGITS = 40  # in files of other programs: tokenizers write 10**30 where there is no limit


def parse(text: str | bytes, *, foreign: bool = False) -> Any:
    """The value of JSON text.

        moft.plain.parse('{"seed": 7}')

    Raises ValueError, in words that follow "got", for what is no UTF-8 or no JSON, for numbers that are not
    finite or longer than `MAX_DIGITS`, for a key that an object has twice, and for nesting deeper than
    `MAX_DEPTH`. `foreign` text, of other programs, may have `FOREIGN_DIGITS`, and infinite numbers.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8-sig")
        value = json.loads(
            text,
            parse_int=partial(_whole, most=FOREIGN_DIGITS if foreign else MAX_DIGITS),
            parse_float=float if foreign else _finite,
            parse_constant=_no_nan if foreign else _finite,
            object_pairs_hook=_object,
        )
    except UnicodeDecodeError as error:
        raise ValueError(f"no UTF-8 at byte {error.start}") from error
    except RecursionError as error:
        raise ValueError(f"nesting deeper than {MAX_DEPTH}") from error
    _check_depth(value)
    return value


def read(
    path: PathLike,
    what: str,
    *,
    most: int = MAX_BYTES,
    error: type[MoftError] = RequestError,
    foreign: bool = False,
) -> Any:
    """The value of a JSON file.

    Args:
        what: that the file should hold, for errors: "a file of requests".
        most: bytes that it may have.
        foreign: as of `parse`.
    Raises:
        error: for no ordinary file, one above `most`, and whatever `parse` refuses.
    """
    try:
        with open_ordinary(path, error) as file:
            text = file.read(most + 1)
    except OSError as failure:
        got = failure.strerror
        raise error(f"cannot read {path}: expected {what}, got: {got}; check the path") from failure
    if len(text) > most:
        raise error(f"cannot read {path}: expected {what} of at most {most} bytes, got more")
    try:
        return parse(text, foreign=foreign)
    except ValueError as failure:
        raise error(f"cannot read {path}: expected {what} as JSON, got {failure!s:.200}") from failure


def _whole(digits: str, most: int) -> int:
    if len(digits.lstrip("-")) > most:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _no_nan(number: str) -> float:
    return float(number) if number != "NaN" else _finite(number)


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{number:.50}, which is not finite")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice!r:.50} twice in one object")
    return found


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    raise ValueError(f"nesting deeper than {MAX_DEPTH}")


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
