"""What is given is read by the library's own readers, kept whole or not at all, and known by its bytes."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import numpy as np
import pytest
from served import a_desk, noise, png

import moft
from moft.app.folder import NotHere
from moft.app.refusals import Refused
from moft.app.shelf import Kept, Media, Shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return a_desk(tmp_path).shelf


def take(shelf: Shelf, data: bytes, name: str = "it", kind: str | None = None) -> Media:
    return shelf.take(io.BytesIO(data), name, kind, 1.0)


def a_clip(folder: Path, frames: int = 3) -> bytes:
    moft.write_video(folder / "made.mp4", np.stack([noise(seed=i) for i in range(frames)]), fps=4)
    return (folder / "made.mp4").read_bytes()


def test_a_picture_is_known_by_its_bytes(shelf: Shelf) -> None:
    data = png(noise(20, 30))
    found = take(shelf, data, "a.jpg")
    assert found.id == f"u-{hashlib.sha256(data).hexdigest()[:16]}"
    assert (found.kind, found.width, found.height, found.frames, found.suffix) == (
        "picture",
        30,
        20,
        1,
        ".png",
    )
    assert take(shelf, data, "b.png").id == found.id and len(shelf.all()) == 1
    assert shelf.with_digest(f"sha256:{hashlib.sha256(data).hexdigest()}") == found.id
    assert (shelf.frame(found.id, 0) == noise(20, 30)).all()
    assert shelf.path(found.id).read_bytes() == data
    assert shelf.id_of(shelf.file(found.id)) == found.id


def test_a_clip_is_told_as_viewers_show_it(shelf: Shelf, tmp_path: Path) -> None:
    found = take(shelf, a_clip(tmp_path))
    assert (found.kind, found.frames, found.fps, found.recipe) == ("clip", 3, 4.0, False)
    assert shelf.frame(found.id, 2).shape == (32, 32, 3)
    assert shelf.frame(found.id, 2, (16, 8)).shape == (16, 8, 3)
    with pytest.raises(NotHere):
        shelf.frame(found.id, 3)


def test_masks_frame_by_frame_are_one(shelf: Shelf) -> None:
    masks = [(io.BytesIO(png(np.full((32, 32), 255 * i))), f"{i}.png") for i in range(2)]
    found = shelf.take_masks(masks, 1.0)
    assert (found.kind, found.frames) == ("mask", 2)
    assert [int(shelf.frame(found.id, i).max()) for i in range(2)] == [0, 255]
    assert moft.read_region(str(shelf.path(found.id)), moft.ClipSize(2, 32, 32)).shape == (2, 32, 32)
    shelf.remove(found.id)
    assert os.listdir(shelf.folder.uploads) == []


def test_tracks_and_their_visibility_are_one(shelf: Shelf) -> None:
    def held(array: object) -> bytes:
        out = io.BytesIO()
        np.save(out, array)
        return out.getvalue()

    points = np.random.default_rng(0).uniform(1, 30, (4, 5, 2)).astype(np.float32)
    found = take(shelf, held(points), "walk_tracks.npy")
    assert (found.kind, found.frames, found.tracks_visibility) == ("field", 4, False)
    with pytest.raises(Refused, match="visibility"):
        take(shelf, held(np.ones((3, 5), bool)), "walk_visibility.npy")
    both = take(shelf, held(np.ones((4, 5), bool)), "walk_visibility.npy")
    assert both.id == found.id and both.tracks_visibility
    assert moft.Along(shelf.file(found.id)).files == [
        f"uploads/{found.id}_tracks.npy",
        f"uploads/{found.id}_visibility.npy",
    ]


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\x89PNG\r\n\x1a\nno more", b"<svg onload=alert(1)>", b"PK\3\4"]
)
def test_what_moft_does_not_read_is_refused_and_nothing_stays(shelf: Shelf, data: bytes) -> None:
    with pytest.raises(Refused) as told:
        take(shelf, data, "clip.mp4")
    assert told.value.status == 415 and str(shelf.folder.root) not in str(told.value)
    assert os.listdir(shelf.folder.uploads) == []


def test_a_name_is_for_show_alone(shelf: Shelf) -> None:
    found = take(shelf, png(noise()), "../../etc/<b>\x1b[2J\x00.png")
    assert "/" not in found.name and found.name.isprintable() and "<b>" in found.name
    assert shelf.path(found.id).parent == shelf.folder.uploads
    error = f"cannot read {shelf.path(found.id)}: expected a mask"
    assert shelf.named(error) == f"cannot read {found.name}: expected a mask"


@pytest.mark.parametrize(
    "name",
    ["", "..", "u-0", "../jobs.sqlite", "u-0123456789abcdef", "a.steered", "x/../y.plain", "u-" + "g" * 16],
)
def test_an_id_that_stands_for_nothing_is_not_here(shelf: Shelf, name: str) -> None:
    for ask in (shelf.get, shelf.file, shelf.path, shelf.remove):
        with pytest.raises(NotHere):
            ask(name)


def test_a_file_that_cannot_be_moved_in_leaves_nothing(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("moft.app.shelf.os.replace", full)
    with pytest.raises(moft.MediaError, match="No space left"):
        take(shelf, png(noise()))
    assert os.listdir(shelf.folder.uploads) == [] and shelf.all() == []


def test_what_was_not_asked_for_longest_goes_first() -> None:
    kept, made = Kept(10), list[str]()

    def of(name: str) -> str:
        return str(kept.get(name, lambda: made.append(name) or name * 4, len))

    for name in "abacab":
        of(name)
    assert made == ["a", "b", "c", "b"]


def test_tracks_in_json_stay_what_they_are(shelf: Shelf) -> None:
    data = b'[[{"x": 1, "y": 2}, {"x": 3, "y": 2}]]'
    found = take(shelf, data, "camera.json", "field")
    assert shelf.path(found.id).read_bytes() == data
    assert [media.id for media in shelf.all()] == [found.id]
    shelf.remove(found.id)
    assert not list(shelf.folder.uploads.iterdir())
