"""Motion channels that are shared: found by the model's digest, and of no other model."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import huggingface_hub
import pytest
from program import moft_cli, refused

import moft
from moft.diagnosis.shared import pull, push
from moft.feature.statistics import STATISTICS_FILE


@pytest.fixture
def model(tiny_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_folder, tmp_path / "model"))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    folder.mkdir()
    return folder


def test_what_one_pushes_another_pulls_for_the_same_weights(model: Path, place: Path) -> None:
    kept = model / STATISTICS_FILE
    own = moft.Statistics.load(kept)
    assert moft_cli("channels", "--model", model, "--push", place).exit_code == 0
    (file,) = place.iterdir()
    digest = moft.load(model).digest
    assert digest is not None and file.name == f"{digest.replace(':', '-')}.safetensors"
    assert moft.Statistics.load(kept).made == own.made  # one's own is left as it is
    kept.unlink()
    result = moft_cli("channels", "--model", model, "--pull", place)
    assert result.exit_code == 0 and str(kept) in result.stdout
    assert moft.Statistics.load(kept).digest == own.digest
    assert moft.load(model).statistics.digest == own.digest


def test_of_another_model_nothing_is_taken(model: Path, place: Path, tmp_path: Path) -> None:
    name, kept = push(str(model), str(place)), model / STATISTICS_FILE
    before = kept.read_bytes()
    (model / "unet" / "note.txt").write_text("other weights")
    refused(
        moft_cli("channels", "--model", model, "--pull", place), "no motion channels of this model", "sha256-"
    )
    mine = push(str(model), str(place))
    shutil.copy(place / name, place / mine)
    with pytest.raises(moft.RequestError, match="expected motion channels of sha256:.*got those of sha256:"):
        pull(str(model), str(place))
    (place / mine).write_bytes(b"half of a")
    with pytest.raises(moft.RequestError, match="safetensors"):
        pull(str(model), str(place))
    assert kept.read_bytes() == before and not (tmp_path / "out").exists()


def test_what_cannot_be_shared_is_told_in_a_line(model: Path, place: Path, tmp_path: Path) -> None:
    refused(moft_cli("channels", "--model", model, "--push", tmp_path / "none"), "cannot share through")
    both = ("channels", "--model", model, "--push", place, "--pull", place)
    refused(moft_cli(*both), "--push alone")
    (model / STATISTICS_FILE).unlink()
    refused(moft_cli("channels", "--model", model, "--push", place), "no file")
    refused(moft_cli("channels", "--model", "some/model", "--pull", place), "no digest")
    assert list(place.iterdir()) == []


class Hub:
    """A repository as a folder, behind the functions of huggingface_hub, whose signatures are kept to."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.asked = folder, list[tuple[str, str]]()
        put = create_autospec(huggingface_hub.HfApi.upload_file, side_effect=self._put)
        monkeypatch.setattr(huggingface_hub.HfApi, "upload_file", put)
        take = create_autospec(huggingface_hub.hf_hub_download, side_effect=self._take)
        monkeypatch.setattr(huggingface_hub, "hf_hub_download", take)

    def _put(self, _api: Any, *, path_or_fileobj: Path, path_in_repo: str, repo_id: str) -> None:
        self.asked.append((repo_id, path_in_repo))
        shutil.copy(path_or_fileobj, self.folder / path_in_repo)

    def _take(self, repo_id: str, filename: str) -> str:
        self.asked.append((repo_id, filename))
        if not (self.folder / filename).exists():
            raise huggingface_hub.errors.EntryNotFoundError(f"404 for {filename}")
        return str(self.folder / filename)


def test_of_a_repository_one_file_is_asked_for(
    model: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Hub(place, monkeypatch)
    with pytest.raises(moft.RequestError, match="the hub's someone/channels.*404"):
        pull(str(model), "someone/channels")
    name = push(str(model), "someone/channels")
    (model / STATISTICS_FILE).unlink()
    found, where = pull(str(model), "someone/channels")
    assert hub.asked == [("someone/channels", name)] * 3
    assert where == model / STATISTICS_FILE and moft.load(model).statistics.digest == found.digest
