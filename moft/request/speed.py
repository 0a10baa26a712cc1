"""Speeds in words: "1.5px", "2%", "3deg" a frame, alone or behind the name of a motion."""

from __future__ import annotations

import math
import re

from moft.request.checks import number, refuse

DEFAULT_SPEED = 0.03  # fraction of the shorter image side per frame

_A_FRAME = r"\s*(?:a|per|/)\s*frame"
_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)"
_ANY = re.IGNORECASE | re.DOTALL
_DEGREES = r"(?:deg(?:rees?)?|°)"
_MOST = {"px": math.inf, "%": 1.0, "deg": 180.0, "": 1.0}  # by unit; of "%" once it is a fraction


def with_speed(value: object) -> tuple[object, str | None]:
    """A direction, and the speed behind it: "left 2px", "zoom in 2%", and what `moft measure` prints: "left,
    1.43 px a frame (-1.42, +0.10)", "zoom +2.00% a frame", whose percent are of the scale and not of the
    edge's way, half of it, "turn +3.44 degrees a frame"."""
    if not isinstance(value, str):
        return value, None
    zoom = re.fullmatch(rf"\s*zoom\s*([+-])\s*({_NUMBER})\s*%{_A_FRAME}\s*", value, _ANY)
    if zoom is not None:
        return f"zoom {'in' if zoom[1] == '+' else 'out'}", f"{float(zoom[2]) / 2:g}%"
    turn = re.fullmatch(rf"\s*turn\s*([+-])\s*({_NUMBER})\s*{_DEGREES}{_A_FRAME}\s*", value, _ANY)
    if turn is not None:
        return f"turn {'clockwise' if turn[1] == '+' else 'counterclockwise'}", f"{turn[2]}deg"
    found = re.fullmatch(
        rf"(.*?[^\s,])(?:\s*,|\s+at|)\s+(\S+?)\s*(px|%|{_DEGREES})(?:{_A_FRAME}(?:\s*\([^()]*\))?)?\s*",
        value,
        _ANY,
    )
    return (value, None) if found is None else (found[1], found[2] + found[3])


def without_frame(speed: str) -> str:
    """Without "a frame" behind it."""
    return re.sub(rf"{_A_FRAME}$", "", speed.strip(), flags=re.IGNORECASE)


def speed_of(value: object) -> tuple[float, str]:
    """(px, "px"), (degrees, "deg"), or (fraction of the shorter side, "%" or ""), per frame."""
    text, unit = DEFAULT_SPEED if value is None else value, ""
    if isinstance(text, str):
        text = re.sub(rf"{_DEGREES}$", "deg", without_frame(text), flags=re.IGNORECASE)
        unit = next((name for name in _MOST if name and text.lower().endswith(name)), "")
        text = text[: len(text) - len(unit)]
    amount = number(text) / (100 if unit == "%" else 1)
    if not 0 <= amount <= _MOST[unit]:
        remedy = 'write "1.5px", "2%" or a number in [0, 1]; to go the other way, turn the direction round'
        refuse("speed >= 0 and at most the shorter side per frame", value, remedy)
    return amount, unit
