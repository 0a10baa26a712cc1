"""Sees to it that a worker is there as long as the server is: starts one where none is, and another where one
ended."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time

from moft.app.folder import WORKER, Folder

LOG = "worker.log"
_EVERY = 0.5  # seconds between two looks
_PAUSES = (1.0, 5.0, 15.0, 60.0)  # seconds before one is started again, one after the other
_LIVED = 60.0  # seconds after which a worker's end says nothing of the next one's
_ROOM = 2**17  # bytes; a disk with less is full
_FULL = "the disk is full; make room on it, and the runs go on"
_MOST_LOG = 2**20  # bytes


class Keeper:
    """Of the worker of one folder."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.up, self.why = True, ""
        self._child: subprocess.Popen[bytes] | None = None
        self._began, self._ends, self._next = 0.0, 0, 0.0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def start(self) -> None:
        """Begin to look after it."""
        self._thread.start()

    def close(self) -> None:
        """Let it be: the worker goes on with what waits, and ends by itself."""
        self._closing.set()
        self._thread.join(timeout=5)

    def _keep(self) -> None:
        while not self._closing.wait(_EVERY if self._began else 0.0):
            if self._child is not None and self._child.poll() is not None:
                self._ended(self._child.returncode)
            if self.folder.is_held(WORKER):
                self.up, self.why = True, _FULL if self._is_full() else ""
            elif self._child is None and time.monotonic() >= self._next:
                self._begin()

    def _begin(self) -> None:
        self._began = time.monotonic()
        log = self.folder.root / LOG
        command = [sys.executable, "-m", "moft.app.work", str(self.folder.root)]
        try:
            with open(log, "ab" if log.exists() and log.stat().st_size < _MOST_LOG else "wb") as said:
                # a session of its own: it outlives this process, and the terminal that it was typed in
                self._child = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
                )
        except OSError as error:
            self._ended(error.errno or 1)

    def _ended(self, status: int) -> None:
        """It ended, killed perhaps: another one comes after a pause, longer each time."""
        self._child = None
        self._ends = 0 if time.monotonic() - self._began > _LIVED else self._ends + 1
        if self.folder.is_held(WORKER):  # another server's, which was here first
            return
        self._next = time.monotonic() + _PAUSES[min(self._ends, len(_PAUSES)) - 1] if self._ends else 0.0
        self.up, self.why = False, self._reason(status)

    def _reason(self, status: int) -> str:
        if self._is_full():
            return _FULL
        if status < 0:
            return f"the worker was stopped by signal {-status}; it is started again"
        last = self._said()
        return f"the worker ended{f': {last:.300}' if last else ''}; it is started again"

    def _is_full(self) -> bool:
        try:
            return shutil.disk_usage(self.folder.root).free < _ROOM
        except OSError:
            return False

    def _said(self) -> str:
        """The last line of its log."""
        try:
            text = (self.folder.root / LOG).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return text.rstrip().rpartition("\n")[2].strip()
