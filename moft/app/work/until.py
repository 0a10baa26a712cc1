"""The loop of the app's worker: it outlives the server, and ends when there is nothing left that anybody
waits for."""

from __future__ import annotations

import time

from moft.app.asked.kinds import FIRST
from moft.app.folder import SERVER, Folder
from moft.batch.rows import Claimed
from moft.batch.worker import Runner, Worker

PATIENCE = 20.0  # seconds without a server after which it ends, if nothing waits
_NAP = 0.1


class UntilLeft(Worker):
    """As a worker of a batch, but for its end."""

    def __init__(self, folder: Folder, runner: Runner, patience: float = PATIENCE) -> None:
        super().__init__(folder.jobs, folder.runs, runner)
        self.app, self.patience = folder, patience

    def run(self) -> None:
        """Make jobs until there are none and no server was there for a while, or the folder is gone."""
        seen = time.monotonic()
        with self.store.worker() as me:
            self.store.take_back()
            while time.monotonic() - seen < self.patience and not self.alone():
                job = self._next(me)
                if job is not None:
                    self.make(job)
                else:
                    time.sleep(_NAP)
                if job is not None or self.app.is_held(SERVER):
                    seen = time.monotonic()

    def alone(self) -> bool:
        """Whether its folder is gone, and with it whoever asked; else runs go on, whoever ended."""
        return not self.store.path.exists()  # the folder itself may have been made again

    def _next(self, me: str) -> Claimed | None:
        if self.store.counts()["queued"] == 0:  # to read keeps nobody waiting, unlike a claim
            return None
        first = (self.store.claim(me, kind) for kind in FIRST)
        return next((job for job in first if job is not None), None) or self.store.claim(me)
