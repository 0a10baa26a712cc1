"""Fields and tracks are read from files as they were written, and nothing else is."""

from __future__ import annotations

import io
import json
import pickle
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moft.errors import RequestError
from moft.field.field import Field
from moft.field.files.reading import field_of_flow, read_field, read_tracks

POINTS = np.array([[[10.0, 20.0], [12, 20], [14, 21]], [[40, 30], [40, 30], [40, 30]]])  # (n f 2)
SEEN = np.array([[True, True, True], [True, True, False]])
SIZE = (60, 90)


def npy(folder: Path) -> Path:
    np.save(folder / "a_tracks.npy", POINTS.swapaxes(0, 1)[None].astype(np.float32))
    np.save(folder / "a_visibility.npy", SEEN.T[None])
    return folder / "a_tracks.npy"


def npy_of_one_clip(folder: Path) -> Path:
    np.save(folder / "a_tracks.npy", np.asfortranarray(POINTS.swapaxes(0, 1)))
    np.save(folder / "a_visibility.npy", SEEN.T.astype(np.float16))
    return folder / "a_tracks.npy"


def npz(folder: Path) -> Path:
    others = np.array([{}], dtype=object)  # is not asked for, so it is not opened
    np.savez_compressed(folder / "a.npz", tracks=POINTS.swapaxes(0, 1), visibility=SEEN.T, others=others)
    return folder / "a.npz"


def paths(folder: Path) -> Path:
    listed = [[{"x": x, "y": y} for x, y in path] for path in POINTS.tolist()]
    (folder / "a.json").write_text(json.dumps([listed[0], listed[1][:2]]))
    return folder / "a.json"


def table(folder: Path) -> Path:
    lines = ["Point, frame, x, y, visible"]
    lines += [f"p{i},{j + 5},{x},{y},{int(SEEN[i, j])}" for i in (0, 1) for j, (x, y) in enumerate(POINTS[i])]
    (folder / "a.csv").write_bytes("\ufeff".encode() + "\r\n".join(lines).encode())
    return folder / "a.csv"


def table_with_gaps(folder: Path) -> Path:
    lines = ["point,frame,x,y"]
    lines += [f"{i},{j},{x},{y}" for i in (0, 1) for j, (x, y) in enumerate(POINTS[i]) if SEEN[i, j]]
    (folder / "a.csv").write_text("\n".join(lines) + "\n\n")
    return folder / "a.csv"


KINDS = [npy, npy_of_one_clip, npz, paths, table, table_with_gaps]


@pytest.mark.parametrize("write", KINDS)
def test_tracks_are_read_as_they_were_written(write: Callable[[Path], Path], tmp_path: Path) -> None:
    found = read_tracks(write(tmp_path))
    assert found.visible.tolist() == SEEN.tolist()
    np.testing.assert_array_equal(found.points[SEEN], POINTS[SEEN])


@pytest.mark.parametrize("write", KINDS)
def test_tracks_become_a_field_of_their_picture(write: Callable[[Path], Path], tmp_path: Path) -> None:
    field = read_field(write(tmp_path), SIZE)
    assert field.weight.shape == (3, 43, 64)
    assert field.steps[:, 14, 8] * 60 == pytest.approx(np.array([[2, 0], [2, 1]]), abs=0.06)
    with pytest.raises(RequestError, match="the size of the picture that the tracks are of"):
        read_field(write(tmp_path))


def test_tracks_alone_are_visible_everywhere(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", POINTS.swapaxes(0, 1))
    assert read_tracks(tmp_path / "a.npy").visible.all()
    (tmp_path / "one.json").write_text('[{"x": 1, "y": 2}, {"x": 3, "y": 4}]')
    np.testing.assert_array_equal(read_tracks(tmp_path / "one.json").points, [[[1, 2], [3, 4]]])


def test_a_field_of_moft_is_read_as_it_is(tmp_path: Path) -> None:
    steps = np.zeros((3, 4, 6, 2)) + [0.02, -0.01]
    Field.of_steps(steps).save(tmp_path / "a.anything")
    np.testing.assert_allclose(read_field(tmp_path / "a.anything").steps, steps, atol=1e-8)
    with pytest.raises(RequestError, match="expected tracks of points, got a field"):
        read_tracks(tmp_path / "a.anything")


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_a_dense_flow_is_read_and_counts_where_it_is_known(tmp_path: Path, name: str) -> None:
    flow = np.zeros((3, 20, 30, 2), np.float32) + [2, -1]
    flow[:, :10, :, 0], flow[:, 10:, :15] = np.nan, 1e9
    if name.endswith("y"):
        np.save(tmp_path / name, flow)
    else:
        np.savez(tmp_path / name, flow=flow)
    field = read_field(tmp_path / name)
    np.testing.assert_allclose(field.steps[:, 10:, 15:] * 20, flow[:, 10:, 15:], rtol=1e-5)
    assert field.weight.sum() == field.weight[:, 10:, 15:].sum() == 4 * 10 * 15
    with pytest.raises(RequestError, match="got a dense flow"):
        read_tracks(tmp_path / name)


def test_a_flow_of_another_shape_or_known_nowhere_is_refused() -> None:
    with pytest.raises(RequestError, match=r"expected a flow \(f-1 h w 2\)"):
        field_of_flow(np.zeros((3, 2, 20, 30), np.float32))
    with pytest.raises(RequestError, match="known somewhere"):
        field_of_flow(np.full((3, 20, 30, 2), np.nan, np.float32))


# ---------------------------------------------------------------- hostile and bent


class Pickled:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return open, (str(self.path), "w")


def saved(array: Any) -> bytes:
    held = io.BytesIO()
    np.save(held, array, allow_pickle=True)
    return held.getvalue()


def claiming(shape: str, kind: str = "<f4") -> bytes:
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


def zipped(name: str, data: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return held.getvalue()


def test_nothing_is_ever_unpickled(tmp_path: Path) -> None:
    bait = tmp_path / "bait"
    harm = np.empty((1,), object)
    harm[0] = Pickled(bait)
    for name, data in (
        ("a.npy", saved(harm)),
        ("a.npz", zipped("tracks.npy", saved(harm))),
        ("a.pkl", pickle.dumps(Pickled(bait))),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(RequestError, match=f"cannot read .*{name}"):
            read_field(tmp_path / name, SIZE)
    assert not bait.exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "expected a field of moft"),
        (b"\x00\x00\x00\x20ftypmp42", "a clip is followed by --like"),
        (claiming("(1000000, 1000000, 2)"), "at most 67108864 numbers"),
        (claiming("(6, 3, 2)"), "expected 36 numbers, got fewer"),
        (claiming("(-6, -3, 2)"), "expected an .npy array"),
        (claiming("(6, 3, 2)", "<c16"), "an array of numbers, got complex128"),
        (b"\x93NUMPY\x01\x00\xff\xff{", "expected an .npy array"),
        (b"\x93NUMPY\x09\x00\x00\x00", "expected an .npy array"),
        (saved(np.zeros((6, 3, 3))), r"expected tracks \(f n 2\)"),
        (saved(np.zeros(6)), r"expected tracks \(f n 2\)"),
        (saved(np.zeros((1, 3, 2))), "n ≥ 1 and f ≥ 2"),
        (saved(np.zeros((2, 3, 4, 3))), r"expected a flow"),
        (b"PK\x03\x04 and no more", "expected an .npz file"),
        (zipped("others.npy", saved(np.zeros(3))), "an array tracks or flow in it"),
        (zipped("tracks.npy", claiming("(100000000,)")), "numbers, got 100000000"),
        (zipped("flow.npy", claiming("(9, 1000, 1000, 2)") + bytes(10**7)), "numbers, got 18000000"),
        (b"[", "expected tracks as JSON"),
        (b"[]", "expected a list of paths"),
        (b"[[]]", "expected a list of paths"),
        (b'{"x": 1}', "expected a list of paths"),
        (b'[[{"x": 1, "y": 2}, {"x": 1}]]', "in path 1, frame 2"),
        (b'[[{"x": 1, "y": true}, {"x": 1, "y": 2}]]', "in path 1, frame 1"),
        (b'[[{"x": 1, "y": 1e9}]]', "in path 1, frame 1"),
        (b'[[{"x": 1, "y": 1}]]', "f ≥ 2"),
        (b"point,frame\n1,2", "expected the columns point,frame,x,y,visible"),
        (b"point,frame,x,y\n1,0,1,2\n1,0.5,1,2", "in line 3"),
        (b"point,frame,x,y\n1,0,1,nan", "in line 2"),
        (b"point,frame,x,y\n1,0,1", "in line 2"),
        (b"point,frame,x,y,visible\n1,0,1,2,maybe", "visible 1 or 0 in line 2"),
        (b"point,frame,x,y\n1,0,1,2\n1,0,2,2", "one place of a point in a frame"),
        (b"point,frame,x,y\n1,0,1,2\n1,999999999,2,2", "in 1024 frames"),
        (b"point,frame,x,y\n", "n ≥ 1 and f ≥ 2"),
        (b"point,frame,x,y\n\xff\xfe,0,1,2", "expected a table in CSV"),
    ],
)
def test_what_is_bent_is_refused_with_its_name(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "bent").write_bytes(data)
    with pytest.raises(RequestError, match=f"bent.*{words}"):
        read_field(tmp_path / "bent", SIZE)


def test_a_small_file_that_names_a_late_frame_asks_for_little_memory(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("point,frame,x,y\n1,0,9,9\n1,1,9,9\n1,1023,9,9")
    tracemalloc.start()
    field = read_field(tmp_path / "a.csv", SIZE)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(field.weight) == 1024 and most < 250e6  # bytes; 300 MB are promised in all


def test_tracks_whose_visibility_is_gone_or_another_s_are_refused(tmp_path: Path) -> None:
    path = npy(tmp_path)
    np.save(tmp_path / "a_visibility.npy", SEEN[:1].T)
    with pytest.raises(RequestError, match=r"visibility \(f n\) of \(3, 2\) beside tracks .*got \(3, 1\)"):
        read_tracks(path)
    (tmp_path / "a_visibility.npy").unlink()
    with pytest.raises(RequestError, match="a_visibility.npy: expected an ordinary file"):
        read_tracks(path)
