"""JSON from anyone is read as plain values, or refused in words; never by an error of the reader's own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moft import plain
from moft.errors import MediaError, RequestError

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_what_json_writes_comes_back(value: Any) -> None:
    assert plain.parse(json.dumps(value).encode()) == value


@given(st.binary() | st.text())
def test_anything_else_is_a_value_error_in_words(text: bytes | str) -> None:
    try:
        plain.parse(text)
    except ValueError as error:
        assert str(error)


@pytest.mark.parametrize(
    "text, words",
    [
        (b'{"a": 1', "delimiter"),
        (b'{"a": \xff}', "no UTF-8 at byte 6"),
        ("[" * 10_000 + "]" * 10_000, "nesting deeper than 32"),
        ("[" * 100 + "]" * 100, "nesting deeper than 32"),
        ('{"a":' * 33 + "1" + "}" * 33, "nesting deeper than 32"),
        ("9" * 5000, "a number of 5000 digits"),
        ("-" + "9" * 21, "a number of 22 digits"),
        ("NaN", "NaN, which is not finite"),
        ("[-Infinity]", "-Infinity, which is not finite"),
        ("1e999", "1e999, which is not finite"),
        ('{"a": 1, "b": 2, "a": 3}', "the key 'a' twice"),
    ],
)
def test_what_no_reader_could_use_is_refused(text: bytes | str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        plain.parse(text)


def test_a_file_is_read_within_its_bounds(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"seed": 7}).encode())  # as Windows' editors save it
    assert plain.read(path, "a job") == {"seed": 7}
    with pytest.raises(RequestError, match="expected a job of at most 4 bytes, got more"):
        plain.read(path, "a job", most=4)
    with pytest.raises(MediaError, match="expected an ordinary file, got no file"):
        plain.read(tmp_path / "none", "a job", error=MediaError)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RequestError, match="got a pipe"):
        plain.read(tmp_path / "pipe", "a job")
