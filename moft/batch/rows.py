"""Rows of the store: jobs, what became of them, and what happened."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

COLUMNS = "number, key, job, note, state, attempts, killed, unwanted, error, result, began, ended"


@dataclass(frozen=True)
class Claimed:
    """A job that a worker has taken."""

    key: str
    job: str  # JSON
    note: str
    attempts: int  # 1 the first time


@dataclass(frozen=True)
class Row:
    """A job and what became of it."""

    number: int  # in the order in which they were added, from 1
    key: str
    job: str  # JSON
    note: str
    state: str  # one of STATES
    attempts: int  # how often it was begun
    killed: int  # of these, how often its worker died
    unwanted: bool  # its worker was asked to stop
    error: str | None  # of the last attempt that failed
    result: Any  # what `done` was given
    began: float | None  # seconds since 1970, of the last attempt
    ended: float | None


@dataclass(frozen=True)
class Event:
    """Something that happened to a job."""

    id: int  # later ones have greater ids, which are never used again
    key: str
    kind: str  # a state that it came into, or what a worker calls it
    data: Any
    at: float  # seconds since 1970


def row_of(found: tuple[Any, ...]) -> Row:
    """A job, of `COLUMNS`."""
    named = dict(zip(COLUMNS.split(", "), found, strict=True))
    result = None if named["result"] is None else json.loads(named["result"])
    return Row(**{**named, "unwanted": bool(named["unwanted"]), "result": result})
