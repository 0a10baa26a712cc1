"""What strangers wrote comes on a screen as text."""

from __future__ import annotations

import io
import json
import sys

import pytest

from moft.printing import harmless, in_json, listed, printable, say, show, span

ORDERS = {
    "colour": "a\x1b[31mb",
    "title": "a\x1b]0;owned\x07b",
    "cursor": "a\x1b[2J\x1b[Hb",
    "eight bits": "a\x9b31mb",
    "carriage": "a\rb",
    "line": "a\nb",
    "turned round": "a\u202eb",
    "isolate": "a\u2067b",
    "no width": "a\u200bb",
    "no text": "a\udce9b",
    "nothing": "a\0b",
    "rubout": "a\x7fb",
    "paragraph": "a\u2029b",
}


@pytest.mark.parametrize("text", ORDERS.values(), ids=ORDERS.keys())
def test_orders_to_a_terminal_become_letters(text: str) -> None:
    for plain in (printable(text), listed([(text, text)], 4), harmless(text).replace("\n", "")):
        assert plain.isprintable() and "a" in plain and "b" in plain
    assert in_json({text: text}).isascii() and in_json(text).isprintable()
    assert json.loads(in_json({text: text})) == {text: text}


@pytest.mark.parametrize("text", ["a red ball", "Füße, 猫, النص, 🎈", "'\"<b>[/b]$"])
def test_what_is_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == harmless(text) == text


def test_a_value_makes_no_line_of_its_own() -> None:
    said = listed([("model", "x\nidentical: yes"), ("seed", "0")], 11)
    assert said.splitlines() == ["model:     x identical: yes", "seed:      0"]


def test_spans_are_in_the_unit_that_suits() -> None:
    assert [span(s) for s in (4.2, 600, 9000)] == ["4 s", "10 min", "2.5 h"]


def test_who_cannot_be_told_is_no_reason_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stderr", Full())
    monkeypatch.setattr(sys, "stdout", Full())
    say("a warning")
    with pytest.raises(OSError, match="No space"):
        show("what was asked for")
