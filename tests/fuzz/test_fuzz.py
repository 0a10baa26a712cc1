"""A few bent files of every kind, the same each time; and that the hunt sees what it should."""

from __future__ import annotations

import socket
import subprocess
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image

from fuzz import mutations, watch
from fuzz.hunt import Hunt
from fuzz.readers import READERS, Case, Reader
from fuzz.worker import Worker
from moft.errors import MoftError


def test_a_few_bent_files_of_every_kind_are_read_or_refused(tmp_path: Path) -> None:
    quick = tuple(reader for reader in READERS if not reader.slow)
    hunt = Hunt(quick, seconds=300, cases=12, kept=tmp_path).run()
    assert not hunt.findings, "\n".join(f"{f['again']}: {f['found']}" for f in hunt.findings.values())
    for tally in hunt.tallies.values():
        assert tally.tried and tally.counts["refused"], tally.reader.name


def elsewhere(case: Case) -> object:
    return Path("/etc/hostname").read_bytes()


def a_host(case: Case) -> object:
    return socket.getaddrinfo("127.0.0.1", 9)


def a_program(case: Case) -> object:
    return subprocess.run(["true"], check=True)


def a_module(case: Case) -> object:
    return __import__(case.text)


def a_file_beside(case: Case) -> object:
    return case.path.with_name("beside").write_bytes(b"")


def another_error(case: Case) -> object:
    raise KeyError("a field")


def for_ever(case: Case) -> object:
    while True:
        try:
            sum(range(1000))
        except Exception:
            continue


def much(case: Case) -> object:
    return np.ones(45_000_000).sum()


def refusing(case: Case) -> object:
    raise MoftError("expected another, got this")


def became(tmp_path: Path, read: Callable[[Case], object], data: bytes = b"text") -> dict[str, object]:
    """What a worker says of a reader."""
    worker, seed = Worker(tmp_path), ("a.txt", data)
    reader = Reader("a", lambda _: [seed], mutations.flipped, read)
    worker.seeds["a"] = [seed]
    return worker.run(reader, seed, worker.bent(reader, 0)[1])


@pytest.mark.parametrize(
    ("read", "found"),
    [
        (elsewhere, "opening of /etc/hostname"),
        (a_host, "socket.getaddrinfo"),
        (a_program, "subprocess.Popen"),
        (a_file_beside, "writing to"),
        (another_error, "KeyError"),
        (for_ever, "too long"),
        (much, "MB"),
    ],
)
def test_what_a_case_may_not_do_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Case], object], found: str
) -> None:
    monkeypatch.setattr(watch, "SECONDS", 1.5)
    said = became(tmp_path, read)
    assert found in str(said.get("found")), said


def test_a_module_that_only_the_file_names_is_found(tmp_path: Path) -> None:
    assert "import of" in str(became(tmp_path, a_module, b"colorama_of_a_stranger").get("found"))


def test_a_typed_error_and_a_file_that_is_read_are_none(tmp_path: Path) -> None:
    assert became(tmp_path, refusing)["became"] == "refused"
    assert became(tmp_path, lambda case: case.text)["became"] == "read"


def test_a_case_is_the_same_when_it_is_made_again(tmp_path: Path) -> None:
    first, again, other = (Worker(tmp_path / str(i), base) for i, base in enumerate((0, 0, 1)))
    reader = next(r for r in READERS if r.name == "masks")
    made = [[worker.bent(reader, i)[0] for i in range(20)] for worker in (first, again, other)]
    assert made[0] == made[1] != made[2]


def test_a_png_bent_in_its_head_has_right_sums_again() -> None:
    buffer = BytesIO()
    Image.new("L", (8, 8)).save(buffer, "PNG")
    kept = [mutations.summed(mutations.png_headed)(Random(i), buffer.getvalue(), []) for i in range(50)]
    assert len({bytes(one) for one in kept}) > 20
    for one in kept:
        *_, (start, stop) = mutations.png_chunks(one)
        assert one[stop - 4 : stop] == zlib.crc32(one[start + 4 : stop - 4]).to_bytes(4, "big")
