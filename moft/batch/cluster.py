"""Workers by Ray, on this machine or a cluster: it starts them, places them, and runs a job again whose
worker died. What is done is kept in the store of whoever drives, since Ray keeps no record that outlives it.

The folder must be one that all hosts see, and each needs moft and the model.
"""

from __future__ import annotations

import importlib
import os
import secrets
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from moft.batch.driver import LOOK, Tell
from moft.batch.rows import Claimed
from moft.batch.store import Store
from moft.batch.worker import Maker, stands, why_failed
from moft.errors import MoftError
from moft.memory import is_disk_full
from moft.optional import needs

LOCAL = "local"


class Unwatched:
    """In the place of a `Watcher`: steps on other hosts are told to nobody."""

    def of(self) -> None:
        """What `moft.run` takes."""
        return


class Making:
    """What an actor does: jobs, one after the other, with the model of the one before if that will do."""

    def __init__(self, folder: str, maker: Callable[[], Any]) -> None:
        self.folder, self.maker = Path(folder), maker()

    def ready(self) -> None:
        """That it has begun."""

    def make(self, job: Claimed) -> dict[str, Any]:
        """What came of a job: what it gave, the line that it failed of, or that the disk is full."""
        try:
            return {"gave": self.maker(job, self.folder / job.key, Unwatched())}
        except Exception as error:
            return {"full" if is_disk_full(error) else "error": why_failed(error)}


def drive_by_ray(
    store: Store,
    folder: Path,
    tell: Tell,
    *,
    address: str,
    workers: int = 1,
    retries: int = 0,
    maker: Callable[[], Any] = Maker,
) -> None:
    """Have the jobs of a store made by so many actors, to the last.

    address: of a cluster, or "local" for one of this machine alone, which ends with this. Each actor has a
    core, or a GPU where the cluster has some. A job that three of them die of is set aside.
    Raises MoftError without Ray, and where no cluster answers.
    """
    needs("ray")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it reports to its makers unless told not to
    if address == LOCAL:
        keep_to_this_machine()
    ray: Any = importlib.import_module("ray")  # whose functions say no types; it reads these settings now
    store.take_back(allowed=None)
    with ExitStack() as life:
        _connect(ray, address, workers, life)
        gpus = 1 if ray.cluster_resources().get("GPU") else 0
        make = ray.remote(max_restarts=-1, max_task_retries=1, num_cpus=1, num_gpus=gpus)(Making)
        actors = [make.remote(str(folder.absolute()), maker) for _ in range(workers)]
        _share(ray, store, folder, actors, tell, retries)


def keep_to_this_machine() -> None:
    """Settings of Ray: a word without which nobody may speak to it, which it would else keep in HOME, and the
    loopback, which it takes where it is told that there is no cluster, and by no other setting."""
    settings = {
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_raylet_start_wait_time_s": "120",  # 30 do not do on a busy machine
    }
    for name, value in settings.items():
        os.environ.setdefault(name, value)


def _connect(ray: Any, address: str, workers: int, life: ExitStack) -> None:
    """To a cluster, or one of this machine: its files among temporary ones, not in HOME."""
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    try:
        if address == LOCAL:
            place = life.enter_context(tempfile.TemporaryDirectory(prefix="moft-ray-", dir="/tmp"))
            own = {"include_dashboard": False, "_temp_dir": place}
            ray.init(address="local", num_cpus=workers, **own, **quiet)
        else:
            ray.init(address=address, **quiet)
    except (ConnectionError, OSError, ValueError, RuntimeError) as error:
        raise MoftError(
            f"expected a Ray cluster at {address}, got {error!s:.200}; start it with ray start, or pass local"
        ) from error
    life.callback(ray.shutdown)


def _share(ray: Any, store: Store, folder: Path, actors: list[Any], tell: Tell, retries: int) -> None:
    """Jobs among actors, each one at a time, from when it has begun; one that was lost has to begin again, on
    another host perhaps, before it is given more."""
    flying: dict[Any, tuple[Any, Claimed | None]] = {actor.ready.remote(): (actor, None) for actor in actors}
    idle = list[Any]()
    with store.worker() as me:
        while True:
            tell(store.counts())
            while idle and (job := store.claim(me)) is not None:
                if (found := stands(folder / job.key)) is not None:
                    store.done(job.key, found)
                else:
                    actor = idle.pop()
                    flying[actor.make.remote(job)] = actor, job
            if all(job is None for _, job in flying.values()) and not store.counts()["queued"]:
                return
            for ref in ray.wait(list(flying), timeout=LOOK)[0]:
                actor, flown = flying.pop(ref)
                if _keep(ray, store, flown, ref, retries, bool(flying or idle)):
                    idle.append(actor)
                else:
                    flying[actor.ready.remote()] = actor, None


def _keep(ray: Any, store: Store, job: Claimed | None, ref: Any, retries: int, others: bool) -> bool:
    """What came of a job, or of an actor's beginning (None); whether the actor may have another job."""
    try:
        told = ray.get(ref)
    except ray.exceptions.RayError as error:
        if job is not None:
            store.died(job.key)
        elif isinstance(error, ray.exceptions.ActorDiedError) and not others:
            raise MoftError(
                f"an actor of Ray could not begin: {why_failed(error):.500}; is the same moft on all hosts?"
            ) from error
        else:
            time.sleep(LOOK)  # it is on its way
        return False
    if job is None:
        return True
    if "full" in told:
        store.stopped(job.key)
        raise MoftError(f"{told['full']}; make room, and go on with --resume")
    if "gave" in told:
        store.done(job.key, told["gave"])
    else:
        store.failed(job.key, told["error"], again=job.attempts <= retries)
    return True
