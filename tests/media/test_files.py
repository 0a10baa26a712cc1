"""Files appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from moft.errors import MediaError
from moft.media.files import check_folder, staging


def test_what_is_staged_is_gone_afterwards_unless_it_was_put_in_place(tmp_path: Path) -> None:
    with staging(tmp_path) as folder:
        assert folder.parent == tmp_path
        for name in ("kept", "lost"):
            (folder / name).touch()
        os.replace(folder / "kept", tmp_path / "kept")
    assert os.listdir(tmp_path) == ["kept"]


def test_a_failing_disk_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="cannot write in .*No space.*choose another -o"):
        with staging(tmp_path):
            raise OSError(28, "No space left on device")
    assert os.listdir(tmp_path) == []


def test_a_missing_folder_is_named_before_anything_runs(tmp_path: Path) -> None:
    check_folder(tmp_path / "a.mp4")
    with pytest.raises(MediaError, match="existing folder, got .*absent; create it first"):
        check_folder(tmp_path / "absent" / "a.mp4")
