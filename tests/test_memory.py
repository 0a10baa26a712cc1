"""A full disk is told from other errors, however deep it lies; what a user wrote is none."""

from __future__ import annotations

import errno
import sqlite3

import pytest

import moft
from moft.memory import is_disk_full


def caused(error: Exception, by: Exception) -> Exception:
    error.__cause__ = by
    return error


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOSPC, "no room"), True),
        (caused(moft.MediaError("cannot write"), OSError(errno.EDQUOT, "no room")), True),
        (
            caused(moft.MediaError("cannot keep jobs"), sqlite3.OperationalError("database or disk is full")),
            True,
        ),
        (RuntimeError("I/O error: No space left on device (os error 28)"), True),
        (OSError(errno.EROFS, "Read-only file system"), False),
        (moft.RequestError("expected --motion, got 'the disk is full'"), False),
    ],
)
def test_a_full_disk_is_known(error: Exception, full: bool) -> None:
    assert is_disk_full(error) is full
