"""Manifests: a job a line, as JSON; all of them checked before any is queued.

{"defaults": {"steps": 12, "requests": [{"direction": "left"}]}}
{"prompt": "red cells", "seed": 1}
{"prompt": "a blue ball over grey checks", "seed": 2, "model": "miniature"}
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moft import plain
from moft.batch.store import Store
from moft.batch.work import Work
from moft.errors import MoftError, RequestError
from moft.media.files import replacing
from moft.memory import enough_memory
from moft.ordinary import open_ordinary

if TYPE_CHECKING:
    from moft.feature.model import Model

Row = tuple[str, str, str]
Bad = dict[int, str]  # what is wrong, by the number of the line, from 1
Shard = tuple[int, int]  # which of how many parts, from 1


@dataclass
class Checked:
    """What a check of a manifest found."""

    jobs: int = 0  # of this part, if there are several
    new: int = 0  # of these, how many were queued now
    bad: Bad = field(default_factory=dict)


# ---------------------------------------------------------------- reading and writing


def read_defaults(path: Path) -> dict[str, Any]:
    """What jobs of a manifest have in common, from a JSON file. Raises RequestError for anything else."""
    return _object(plain.read(path, "what jobs have in common"), str(path))


def _object(found: Any, where: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise RequestError(f"cannot use {where}: expected defaults as a JSON object, got {found!r:.50}")
    return found


def read_lines(path: Path, defaults: dict[str, Any] | None = None) -> Iterator[tuple[int, Work | str]]:
    """Every line that is not blank, by its number: what it asks, or what is wrong with it.

    defaults: of jobs that do not say it themselves; those of the manifest's first line go before.
    Raises RequestError for no such file.
    """
    common = defaults or {}
    try:
        with open_ordinary(path, RequestError) as file:
            for number, line in enumerate(_bounded(file), 1):
                if not line.strip():
                    continue
                try:
                    data = _parsed(line)
                    if number == 1 and isinstance(data, dict) and data.keys() == {"defaults"}:
                        common = _merged(common, _object(data["defaults"], "the first line"))
                        continue
                    yield number, Work.from_json(_merged(common, data))
                except MoftError as error:
                    yield number, str(error)
    except OSError as error:
        raise RequestError(
            f"cannot read {path}: expected a manifest of jobs, got: {error.strerror}; check the path"
        ) from error


def _bounded(file: Any) -> Iterator[bytes]:
    """Its lines, of which one that is too long comes to an end."""
    while line := file.readline(plain.MAX_BYTES + 1):
        yield line
        while len(line) > plain.MAX_BYTES and not line.endswith(b"\n"):  # the rest of it
            line = file.readline(plain.MAX_BYTES + 1)


def _parsed(line: bytes) -> Any:
    if len(line) > plain.MAX_BYTES:
        raise RequestError(f"expected a line of at most {plain.MAX_BYTES} bytes, got more; split the job")
    try:
        return plain.parse(line.strip())
    except ValueError as error:
        got = str(error).replace("line 1 column", "column")  # of its own, not of the manifest's
        raise RequestError(f"expected a job as JSON, got {got:.200}") from error


def _merged(defaults: Any, data: Any) -> Any:
    """A job with what it does not say itself; settings one by one."""
    if not isinstance(defaults, dict) or not isinstance(data, dict):
        return data
    both = {**defaults, **data}
    if all(isinstance(one.get("settings"), dict) for one in (defaults, data)):
        both["settings"] = {**defaults["settings"], **data["settings"]}
    return both


def write_manifest(path: Path, jobs: Iterable[Work]) -> int:
    """A job a line, whole or not at all; how many."""
    count = 0
    with replacing(path) as aside, open(aside, "w", encoding="utf-8") as file:
        for job in jobs:
            file.write(json.dumps(job.to_json()) + "\n")
            count += 1
    return count


# ---------------------------------------------------------------- checking


def sources_of(path: Path, defaults: dict[str, Any] | None) -> tuple[dict[tuple[str, str | None], int], Bad]:
    """What has to be loaded, with the line that names it first; and the lines that are no jobs."""
    sources, bad = dict[tuple[str, str | None], int](), Bad()
    for number, line in read_lines(path, defaults):
        if isinstance(line, str):
            bad[number] = line
        else:
            sources.setdefault(line.source, number)
    return sources, bad


def queue(
    path: Path, defaults: dict[str, Any] | None = None, shard: Shard = (1, 1), store: Path | None = None
) -> dict[str, Any]:
    """Check a manifest whole, and queue its jobs in a store, if one is given and all is well: those of one
    model after each other. As `Checked` has it, in plain JSON, for `apart`.

    A line is checked as far as a run would look before it begins: its fields, the files that it names, its
    model and what that takes; and that it is not asked twice. shard: only each n-th job from the i-th on.
    Raises RequestError for no such file, MediaError where the store cannot be written.
    """
    found = Checked()
    sources, found.bad = sources_of(path, defaults)
    with tempfile.TemporaryFile("w+", encoding="utf-8", dir=store and store.parent) as aside:
        for row in _rows(path, defaults, sources, shard, found):  # long, and nobody waits for the store
            found.jobs += 1
            aside.write(json.dumps(row) + "\n")
        aside.seek(0)
        if store is not None and not found.bad:
            found.new = Store(store).add((key, job, note) for key, job, note in map(json.loads, aside))
    return asdict(found)


def _rows(
    path: Path,
    defaults: dict[str, Any] | None,
    sources: dict[tuple[str, str | None], int],
    shard: Shard,
    found: Checked,
) -> Iterator[Row]:
    lines, digests, seen = dict[str, int](), dict[str, str](), 0
    for source in sources:
        model = _loaded(source)
        jobs = ((n, w) for n, w in read_lines(path, defaults) if isinstance(w, Work) and w.source == source)
        for number, wanted in jobs:
            seen += 1
            try:
                if isinstance(model, str):
                    raise RequestError(model)
                row = wanted.ready(model, digests).row(model, str(number))
            except MoftError as error:
                found.bad[number] = str(error)
                continue
            if (first := lines.setdefault(row[0], number)) != number:
                found.bad[number] = f"expected each job once, got that of line {first} again; leave it out"
            elif (seen - 1) % shard[1] == shard[0] - 1:
                yield row


def _loaded(source: tuple[str, str | None]) -> Model | str:
    """The model, or why it cannot be loaded."""
    from moft.feature.model import load

    try:
        with enough_memory("loading a model", "use a smaller one"):
            model = load(source[0], channels=source[1])
            assert model.statistics  # or say that it has none
        return model
    except MoftError as error:
        return str(error)
