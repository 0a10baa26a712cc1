"""How a command ends: with one line that says what to do, and a status that shells understand.

| status | it means |
|---|---|
| 0 | done |
| 1 | failed for a reason that moft does not know of, or for want of memory |
| 2 | refused, or could not be written: the line says why |
| 128 + n | stopped by signal n: 129 terminal closed, 130 Ctrl-C, 141 nobody reads the output, 143 SIGTERM |
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, cast

import typer

from moft.errors import MoftError
from moft.memory import is_out_of_memory
from moft.printing import harmless, in_a_line, say

# Typer brings click along, under a name of its own.
_ClickError: Any = next(cls for cls in typer.BadParameter.__mro__ if cls.__name__ == "ClickException")
_STOPPING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Stopped(BaseException):
    """A signal came that ends programs: passing files are taken away on the way out, as after Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


def status_of(command: Callable[[], Any]) -> int:
    """Run a command to its end; whatever that is, it is said in one line."""
    try:
        status = command()
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except Stopped as error:
        return error.status
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        return leave_unread()
    except typer.Abort:
        return 1
    except _ClickError as error:
        error.show()
        return int(error.exit_code)
    except MoftError as error:
        return _told(str(error), 2)
    except OSError as error:
        _drop_output()  # which may be what failed
        return _told(f"{error.filename or 'output'}: {error.strerror or error}; check disk and rights", 1)
    except Exception as error:
        return _told(_unforeseen(error), 1)


def _told(text: str, status: int) -> int:
    if os.environ.get("MOFT_DEBUG"):
        traceback.print_exc()
    say(f"error: {in_a_line(text)}")
    return status


def _unforeseen(error: Exception) -> str:
    """What to do about an error that nobody raised on purpose."""
    text = in_a_line(error)[:300]
    if is_out_of_memory(error):
        return "out of memory; ask for fewer frames or a smaller size, or pass --save-memory"
    if isinstance(error, RecursionError):
        return "something in the input is nested too deeply; simplify it"
    if isinstance(error, UnicodeError):
        return f"a text or a name is not UTF-8 ({text}); rename or rewrite it"
    return (
        f"{type(error).__name__}: {text}; moft did not foresee this: check the input, or report it with what "
        "MOFT_DEBUG=1 shows"
    )


def leave_unread() -> int:
    """The status of a program whose output nobody reads any more."""
    _drop_output()
    return 128 + 13


def _drop_output() -> None:
    """Whatever is still to be written to stdout goes nowhere: it would fail again as Python ends."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        at = os.open(os.devnull, os.O_WRONLY)
        os.dup2(at, sys.stdout.fileno())
        os.close(at)


def check_arguments(arguments: list[str]) -> None:
    """Raise MoftError for an argument of bytes that are no UTF-8: models, codecs and recipes want text."""
    for text in arguments:
        if any("\ud800" <= c <= "\udfff" for c in text):
            raise MoftError(f"expected arguments in UTF-8, got {ascii(text)}; rename the file, or set LANG")


# ---------------------------------------------------------------- signals and screens


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Inside, signals that end programs raise `Stopped`, unless whoever started this one ignores them."""

    def stop(number: int, _frame: Any) -> NoReturn:
        raise Stopped(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {n: signal.signal(n, stop) for n in _STOPPING if signal.getsignal(n) is signal.SIG_DFL}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Screen:
    """A stream that lets no control character through but the ends of lines, tabs, and what progress bars
    return the carriage with, whoever prints; `raw` is for who draws on purpose."""

    encoding = "utf-8"

    def __init__(self, raw: Any) -> None:
        self.raw = raw

    def write(self, text: str) -> int:
        kept = "\t".join("\r".join(map(harmless, part.split("\r"))) for part in text.split("\t"))
        self.raw.write(kept)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


@contextlib.contextmanager
def safe_screens() -> Iterator[None]:
    """Inside, stdout and stderr are screens; what their encoding has no letter for is escaped."""
    before = sys.stdout, sys.stderr
    for stream in before:
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.stdout, sys.stderr = (cast(Any, _Screen(stream)) for stream in before)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: say(f"warning: {message}")
            yield
    finally:
        sys.stdout, sys.stderr = before


def open_streams() -> None:
    """Give the streams that this program was started without (`>&-`) a place, or the next file that is opened
    would be written to by whoever prints."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the least number that is free, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115
