"""What a case may not do: open what was not named, ask an address, start a program, take time or memory."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SECONDS, MEGABYTES = 10.0, 300.0  # of a case
WALL = 90.0  # seconds after which a case that gives no answer counts as hung, on a busy machine

FORBIDDEN = (
    "socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.startfile", "pickle.",
    "urllib.", "http.", "ftplib.", "smtplib.", "webbrowser.", "ctypes.dlopen",
)  # fmt: skip
CHANGES = (
    "shutil.", "os.remove", "os.rename", "os.truncate", "os.mkdir", "os.rmdir", "os.link", "os.symlink",
    "os.chmod", "os.chown",
)  # fmt: skip
PACKAGES = (
    "moft", "torch", "numpy", "einops", "safetensors", "PIL", "av", "diffusers", "transformers", "accelerate",
    "tokenizers", "huggingface_hub", "cv2", "skimage", "sklearn", "scipy", "matplotlib", "jinja2", "typer",
    "click", "rich",
)  # fmt: skip
UNUSED = "antigravity"  # a module that is there, and that nobody loads unless a file makes them


class TooLong(BaseException):
    """A case has used up its seconds."""


class Guard:
    """Hears what Python does, by an audit hook, while a case runs."""

    def __init__(self) -> None:
        self.folder: str | None = None  # of the case; None: nothing is watched
        self.writes = False  # whether this reader may write there
        self.seen: list[str] = []
        roots = {
            sys.prefix,
            sys.base_prefix,
            *(p for p in sys.path if p),
            "/usr/share",
            "/usr/lib",
            "/etc/ssl",
        }
        self.own = tuple(f"{os.path.abspath(root)}{os.sep}" for root in roots)
        self.devices = ("/dev/null", "/dev/urandom", "/proc/")
        self.data = b""
        self.known = frozenset({*PACKAGES, *sys.stdlib_module_names} - {UNUSED})
        sys.addaudithook(self.hear)

    def hear(self, event: str, said: tuple[Any, ...]) -> None:
        """The hook."""
        if self.folder is None:
            return
        if event == "open":
            self._opened(*said)
        elif event == "import":  # what a library tries on its own is not in the file
            top = str(said[0]).partition(".")[0]
            if top not in self.known and top.encode() in self.data:
                self.seen.append(f"import of {said[0]}")
        elif event.startswith(FORBIDDEN if self.writes else (*FORBIDDEN, *CHANGES)):
            self.seen.append(f"{event} {said!r:.200}")

    def _opened(self, path: Any, mode: Any, flags: Any) -> None:
        if isinstance(path, int) or path is None:
            return
        name = os.path.abspath(os.fsdecode(path))
        writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if name in ("/dev/null",):
            return
        if writes and not (self.writes and name.startswith(self.folder or "")):
            self.seen.append(f"writing to {name}")
        elif not name.startswith((self.folder or "", *self.own, *self.devices)):
            self.seen.append(f"opening of {name}")

    @contextmanager
    def watching(self, folder: Path, data: bytes, writes: bool = False) -> Iterator[None]:
        """What is heard inside is of a case that lies in this folder and says this."""
        self.data = data
        self.seen, self.folder, self.writes = [], os.path.abspath(folder), writes
        try:
            yield
        finally:
            self.folder = None


# ---------------------------------------------------------------- time and memory


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise TooLong in what takes more of the processor; again each second, as some catch everything."""

    def stop(*_: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


class Memory:
    """The highest that the resident memory rose since it was last asked, by Linux's own mark."""

    def __init__(self) -> None:
        self.floor = 0.0
        self.start()

    def start(self) -> None:
        """Set the mark back; what earlier cases left is given back first, if it is much."""
        now = self._read("VmRSS")
        if now > self.floor + 64:
            gc.collect()
            _trim()
            now = self._read("VmRSS")
            self.floor = now
        self.before = now
        Path("/proc/self/clear_refs").write_text("5")

    def rise(self) -> float:
        """Megabytes."""
        return self._read("VmHWM") - self.before

    @staticmethod
    def _read(name: str) -> float:
        with open("/proc/self/status", "rb") as file:
            for line in file:
                if line.startswith(name.encode()):
                    return int(line.split()[1]) / 1024
        return 0.0


def _trim() -> None:
    import ctypes

    ctypes.CDLL(None).malloc_trim(0)


def limit_addresses(gigabytes: float = 4.0) -> None:
    """A case that asks for much more than it may have fails, and the machine lives."""
    import resource

    used = int(Memory._read("VmSize") * 2**20)
    most = used + int(gigabytes * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def descriptors() -> int:
    """How many files this process has open."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def used() -> float:
    """Seconds of the processor."""
    return time.process_time()
