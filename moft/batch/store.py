"""Jobs and what became of them, in one SQLite file that several processes and threads share.

    store = Store("jobs.sqlite")
    store.add([("a1", '{"prompt": "red cells", …}', "")])
    with store.worker() as me:
        while (job := store.claim(me)) is not None:
            store.done(job.key, {"followed": True})

Every change is one transaction, so a process that is killed at any moment leaves whole rows; what it was at
work on is told by its lock, which the system frees with it, and goes back to the queue (`take_back`). The
standard library's SQLite in WAL mode, on a disk of this machine: it is no file for network drives.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from moft.batch.alive import Workers
from moft.batch.rows import COLUMNS, Claimed, Event, Row, row_of
from moft.errors import MediaError, RequestError

STATES = ("queued", "running", "done", "failed", "poisoned", "cancelled")
PASSING = "progress"  # events of this kind are dropped when their job ends
ALLOWED = 3  # workers that may die of a job before it is set aside
PATIENCE = 60.0  # seconds to wait for another process's transaction
_VERSION, _PAGE = 1, 1000
_SCHEMA = """
create table jobs (
    number integer primary key, key text not null unique, job text not null, note text not null,
    state text not null default 'queued', attempts integer not null default 0,
    killed integer not null default 0, unwanted integer not null default 0,
    worker text, error text, result text, began real, ended real);
create index jobs_by_state on jobs (state, number);
create index jobs_by_note on jobs (state, note, number);
create table events (
    id integer primary key autoincrement, key text not null, kind text not null, data text not null,
    at real not null);
create index events_by_key on events (key, id);
"""


class Store:
    """The jobs in a file, which is made where none is.

    Threads may share one; each process opens its own. Raises MediaError where the file is of another kind or
    a newer moft, or cannot be written; then nothing has changed.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._workers = Workers(self.path.with_name(f"{self.path.name}-workers"))
        self._one_at_a_time = threading.RLock()
        with self._told():
            self._db = sqlite3.connect(
                self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
            )
            self._db.execute("pragma trusted_schema = off")  # the file may be a stranger's
            self._db.execute("pragma user_version").fetchone()  # or none of SQLite
            with self._workers.alone():  # SQLite does not wait for others where it changes the file's mode
                self._db.execute("pragma journal_mode = wal")
            self._db.execute("pragma synchronous = normal")  # whole after a power cut, less the last moments
        with self._writing() as db:
            version = db.execute("pragma user_version").fetchone()[0]
            if version == 0:
                for statement in _SCHEMA.split(";"):
                    db.execute(statement)
                db.execute(f"pragma user_version = {_VERSION}")
            elif version != _VERSION:
                raise MediaError(
                    f"cannot use {self.path}: expected jobs of format {_VERSION}, got {version}; update moft"
                )

    def close(self) -> None:
        """Let go of the file."""
        with self._one_at_a_time:
            self._db.close()

    def add(self, jobs: Iterable[tuple[str, str, str]]) -> int:
        """Queue jobs, each (key, JSON, note), in one transaction; how many were new. A key that is there
        already is left as it is."""
        with self._writing() as db:
            before = db.total_changes
            db.executemany("insert or ignore into jobs (key, job, note) values (?, ?, ?)", jobs)
            return db.total_changes - before

    def cancel(self, key: str) -> None:
        """A queued job becomes cancelled; the worker of a running one sees it by `wanted`."""
        with self._writing() as db:
            if self._state(db, key) == "queued":
                self._end(db, key, "cancelled")
            db.execute("update jobs set unwanted = 1 where key = ? and state = 'running'", (key,))

    def remove(self, key: str) -> None:
        """Forget a job that nobody is at work on; an event "removed" is all that is left of it."""
        with self._writing() as db:
            if self._state(db, key) == "running":
                raise RequestError(
                    f"expected a job that is not running, got {key}, which is; cancel it first"
                )
            db.execute("delete from jobs where key = ?", (key,))
            db.execute("delete from events where key = ?", (key,))
            self._tell(db, key, "removed", None)

    def retry(self, key: str) -> None:
        """Queue a job again that failed, was set aside or cancelled, as if it was never tried."""
        with self._writing() as db:
            state = self._state(db, key)
            if state not in ("failed", "poisoned", "cancelled"):
                raise RequestError(
                    f"expected a job that failed or was cancelled, got {key}, which is {state}"
                )
            db.execute("update jobs set attempts = 0, killed = 0 where key = ?", (key,))
            self._queue(db, key)

    @contextmanager
    def worker(self) -> Iterator[str]:
        """A name to claim by, alive as long as the block and its process. Raises MediaError where the disk
        fails."""
        with ExitStack() as life:
            with self._told():
                name = life.enter_context(self._workers.one())
            yield name

    def claim(self, worker: str, note: str | None = None) -> Claimed | None:
        """Take the oldest queued job, or the oldest of a note; None if there is none."""
        chosen, of = ("", ()) if note is None else ("and note = ?", (note,))
        with self._writing() as db:
            found = db.execute(
                f"select number, key, job, note, attempts from jobs where state = 'queued' {chosen} "
                "order by number limit 1",
                of,
            ).fetchone()
            if found is None:
                return None
            number, key, job, note, attempts = found
            db.execute(
                "update jobs set state = 'running', attempts = attempts + 1, worker = ?, unwanted = 0, "
                "began = ?, ended = null where number = ?",
                (worker, time.time(), number),
            )
            self._tell(db, key, "running", {"attempt": attempts + 1})
            return Claimed(key, job, note, attempts + 1)

    def wanted(self, key: str) -> bool:
        """Whether a running job is not to be stopped."""
        with self._reading() as db:
            return db.execute("select unwanted from jobs where key = ?", (key,)).fetchone() == (0,)

    def done(self, key: str, result: Any) -> None:
        """A running job is done; `result` is plain JSON."""
        with self._writing() as db:
            self._check_running(db, key)
            db.execute("update jobs set error = null, result = ? where key = ?", (json.dumps(result), key))
            self._end(db, key, "done")

    def failed(self, key: str, error: str, *, again: bool = False) -> None:
        """A running job failed; `again`: it is queued once more."""
        with self._writing() as db:
            self._check_running(db, key)
            db.execute("update jobs set error = ? where key = ?", (error, key))
            if again:
                self._queue(db, key, error)
            else:
                self._end(db, key, "failed", error)

    def died(self, key: str, *, allowed: int = ALLOWED) -> None:
        """The worker of a running job died, which whoever keeps it has seen: as by `take_back`."""
        with self._writing() as db:
            self._check_running(db, key)
            killed = db.execute("select killed + 1 from jobs where key = ?", (key,)).fetchone()[0]
            self._died(db, key, killed, allowed)

    def stopped(self, key: str) -> None:
        """A worker gave a running job up: it is cancelled if that was asked, else queued again, and this
        attempt does not count."""
        with self._writing() as db:
            self._check_running(db, key)
            self._give_up(db, key)

    def take_back(self, *, allowed: int | None = ALLOWED) -> list[str]:
        """Jobs of dead workers go back to the queue, or are set aside ("poisoned") if so many of their
        workers died; None: whatever ended these, it was not the job, so it is not counted. Their keys."""
        with self._writing() as db:
            running = db.execute(
                "select key, worker, killed + 1, unwanted from jobs where state = 'running'"
            ).fetchall()
            dead = {worker: not self._workers.is_alive(worker) for worker in {row[1] for row in running}}
            lost = [(key, killed, unwanted) for key, worker, killed, unwanted in running if dead[worker]]
            for key, killed, unwanted in lost:
                if allowed is None or unwanted:
                    self._give_up(db, key)
                    continue
                self._died(db, key, killed, allowed)
        return [key for key, *_ in lost]

    def event(self, key: str, kind: str, data: Any = None) -> int:
        """Note something that happened to a job, plain JSON; its id."""
        with self._writing() as db:
            return self._tell(db, key, kind, data)

    def events(self, after: int = 0, key: str | None = None) -> list[Event]:
        """What happened after an event, to all jobs or one, in order; at most 1000 at once."""
        chosen = "" if key is None else "and key = ?"
        with self._reading() as db:
            found = db.execute(
                f"select id, key, kind, data, at from events where id > ? {chosen} order by id limit {_PAGE}",
                (after,) if key is None else (after, key),
            ).fetchall()
        return [Event(id, key, kind, json.loads(data), at) for id, key, kind, data, at in found]  # noqa: A001

    def last_event(self) -> int:
        """The id of what happened last; 0 if nothing did."""
        with self._reading() as db:
            return int(db.execute("select coalesce(max(id), 0) from events").fetchone()[0])

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state, all states named."""
        with self._reading() as db:
            found = dict(db.execute("select state, count(*) from jobs group by state"))
        return {state: found.get(state, 0) for state in STATES}

    def get(self, key: str) -> Row | None:
        """One job; None if there is none of that key."""
        with self._reading() as db:
            found = db.execute(f"select {COLUMNS} from jobs where key = ?", (key,)).fetchone()
        return None if found is None else row_of(found)

    def rows(self, *states: str) -> Iterator[Row]:
        """Jobs, all or those in these states, in the order in which they were added, however many; none is
        locked meanwhile."""
        last, chosen = 0, f"and state in ({', '.join('?' * len(states))})" if states else ""
        while True:
            with self._reading() as db:
                found = db.execute(
                    f"select {COLUMNS} from jobs where number > ? {chosen} order by number limit {_PAGE}",
                    (last, *states),
                ).fetchall()
            if not found:
                return
            yield from map(row_of, found)
            last = found[-1][0]

    def settle(self) -> None:
        """Bring what SQLite has logged into the file, so that its log stays small where many are at work."""
        with self._reading() as db:
            db.execute("pragma wal_checkpoint(truncate)").fetchall()

    def durations(self, most: int) -> list[float]:
        """Seconds that the last jobs took that were done."""
        with self._reading() as db:
            found = db.execute(
                "select ended - began from jobs where state = 'done' order by number desc limit ?", (most,)
            ).fetchall()
        return [seconds for (seconds,) in found]

    def _state(self, db: sqlite3.Connection, key: str) -> str:
        found = db.execute("select state from jobs where key = ?", (key,)).fetchone()
        if found is None:
            raise RequestError(f"expected a job in {self.path}, got {key:.100}, which is none; check the key")
        return str(found[0])

    def _check_running(self, db: sqlite3.Connection, key: str) -> None:
        if (state := self._state(db, key)) != "running":
            raise RequestError(f"expected a running job, got {key}, which is {state}; claim it first")

    def _queue(self, db: sqlite3.Connection, key: str, why: str | None = None) -> None:
        db.execute("update jobs set state = 'queued', worker = null, unwanted = 0 where key = ?", (key,))
        self._tell(db, key, "queued", why)

    def _died(self, db: sqlite3.Connection, key: str, killed: int, allowed: int) -> None:
        error = f"its worker died ({killed} so far)"
        db.execute("update jobs set killed = ?, error = ? where key = ?", (killed, error, key))
        if killed < allowed:
            self._queue(db, key, error)
        else:
            self._end(db, key, "poisoned", error)

    def _give_up(self, db: sqlite3.Connection, key: str) -> None:
        if db.execute("select unwanted from jobs where key = ?", (key,)).fetchone()[0]:
            self._end(db, key, "cancelled")
            return
        db.execute("update jobs set attempts = attempts - 1 where key = ?", (key,))
        self._queue(db, key)

    def _end(self, db: sqlite3.Connection, key: str, state: str, why: str | None = None) -> None:
        db.execute(
            "update jobs set state = ?, worker = null, ended = ? where key = ?", (state, time.time(), key)
        )
        db.execute("delete from events where key = ? and kind = ?", (key, PASSING))
        self._tell(db, key, state, why)

    @staticmethod
    def _tell(db: sqlite3.Connection, key: str, kind: str, data: Any) -> int:
        told = (key, kind, json.dumps(data), time.time())
        found = db.execute("insert into events (key, kind, data, at) values (?, ?, ?, ?)", told).lastrowid
        return found or 0

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._one_at_a_time, self._told():
            yield self._db

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """All that is done inside happens, or nothing."""
        with self._one_at_a_time, self._told():
            try:
                self._db.execute("begin immediate")
                yield self._db
                self._db.execute("commit")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._db.execute("rollback")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Raise MediaError for what SQLite and the disk refuse."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise MediaError(
                f"cannot keep jobs in {self.path}: {error}; check disk, rights, and that it is a file of moft"
            ) from error
