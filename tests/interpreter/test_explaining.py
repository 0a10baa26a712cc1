"""`moft explain`: what it writes, that it goes on where it was, and that it refuses in one line and leaves nothing behind."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from PIL import Image
from typer.testing import CliRunner

import moft
from moft.cli.commands import app
from moft.errors import MediaError, RequestError
from moft.feature.statistics import Statistics
from moft.interpreter import explaining as module
from moft.interpreter import numbers as interpret
from moft.interpreter import reading
from moft.interpreter.clips import read_clip
from moft.interpreter.explaining import explain
from moft.interpreter.figures import flow_picture
from moft.interpreter.reading import SWEEP_FILE, Wanted
from moft.interpreter.readout import READOUT_FILE, fit
from moft.known.camera import along
from moft.known.clips import object_clips, panned_clips, steadied
from moft.known.photographs import training_photographs
from moft.metrics.flow import dense_flow
from moft.models.tap import Tap
from moft.types import ClipSize

SIZE = ClipSize(8, 64, 64)
QUICK = Wanted(objects=8, fitting=64, places=1, timesteps=(100, 600))


def noise_clip(path: Path, frames: int, step: int = 2) -> Path:
    noise = np.random.default_rng(0).integers(0, 255, (24, 80, 3)).astype(np.uint8).repeat(4, 0).repeat(4, 1)
    moft.write_video(path, np.stack([noise[:64, 200 - step * i : 264 - step * i] for i in range(frames)]))
    return path


def picture(path: Path) -> Path:
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (90, 120, 3), np.uint8)).save(path)
    return path


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: Any) -> Any:
    """Sweeps of models without a folder are kept there; two photographs are enough to sweep over here."""
    few = dict(list(training_photographs().items())[:2])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("moft.known.photographs.training_photographs", lambda: few)
        yield patch.setenv("MOFT_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: Any) -> Path:
    """A clip whose name would be a script if it were not escaped."""
    return noise_clip(tmp_path_factory.mktemp("clips") / "<img src=x onerror=alert(1)>.mp4", 10)


@pytest.fixture(scope="module")
def report(tiny_animatediff: Any, tiny_statistics: Statistics, hostile: Path, tmp_path_factory: Any) -> Any:
    out = tmp_path_factory.mktemp("report") / "out"
    said: list[str] = []
    clips = [str(hostile), str(picture(out.parent / "a.png"))]
    record = explain(
        tiny_animatediff,
        clips,
        out,
        wanted=replace(QUICK, sweep=True),
        model="tiny",
        statistics=tiny_statistics,
        tell=said.append,
    )
    return out, clips, record, said


# ---------------------------------------------------------------- what is written


def test_the_scores_are_written_under_their_names(report: Any) -> None:
    out, _, record, _ = report
    scores = json.loads((out / "scores.json").read_text())
    assert set(scores["auc"]) == {"vanilla", "ccr", "moft"} and set(scores["separability"]) == {
        "vanilla",
        "ccr",
    }
    assert {"direction_cosine", "epe_px"} <= set(scores["readout"]) and 0 <= scores["curve_correlation"] <= 1
    assert scores["sweep"]["best"]["layer"] in {cell["layer"] for cell in scores["sweep"]["cells"]}
    assert scores["readout"]["epe_px_of_perfect_cells"] < scores["readout"]["zero_epe_px"]
    assert record["auc"] == scores["auc"]


def test_the_report_is_one_page_that_asks_for_nothing(report: Any) -> None:
    page = (report[0] / "report.html").read_text()
    asked: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:
            assert tag not in ("script", "link", "iframe", "object")
            asked.extend(value for name, value in attrs if name in ("src", "href", "srcset", "poster"))

    Reader().feed(page)
    assert len(asked) > 10 and all(value.startswith("data:") for value in asked)
    assert "default-src 'none'" in page and "url(" not in page and "@import" not in page


def test_names_of_files_are_escaped(report: Any) -> None:
    page = (report[0] / "report.html").read_text()
    assert "<img src=x" not in page and "&lt;img src=x" in page


def test_every_figure_comes_as_png_and_svg_and_every_clip_as_a_video(report: Any) -> None:
    figures = report[0] / "figures"
    stems = {p.stem for p in figures.glob("*.png")}
    assert (
        {
            "directions",
            "weights",
            "curves",
            "curves_timesteps",
            "designs",
            "layers",
            "timesteps",
            "motion_maps",
            "shares",
            "scores",
            "sweep_moft",
        }
        <= stems
        == {p.stem for p in figures.glob("*.svg")}
    )
    assert moft.read_video(figures / "heat_1.mp4").shape[0] == 8 and (figures / "heat_2.mp4").exists()
    assert (report[0] / "data" / "curves.csv").read_text().startswith("timestep,clip,motion,frame,true_x")


def test_what_was_done_to_the_input_is_said(report: Any) -> None:
    notes = [clip["note"] for clip in report[2]["clips"]]
    assert "first 8 frames" in notes[0] and "panned to the left" in notes[1]


def test_a_second_run_reads_no_clip_again(
    report: Any, tiny_animatediff: Any, tiny_statistics: Statistics, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, clips, record, _ = report
    monkeypatch.setattr(module, "look", lambda *_: pytest.fail("read again"))
    monkeypatch.setattr(module, "fit_readout", lambda *_: pytest.fail("fitted again"))
    reading.statistics_path(tiny_animatediff).with_name(SWEEP_FILE).unlink()
    again = explain(tiny_animatediff, clips, out, wanted=QUICK, model="tiny", statistics=tiny_statistics)
    assert again["clips"] == record["clips"] and again["readout"] == record["readout"]


def test_stopping_leaves_no_report_but_keeps_the_clips_that_were_read(
    report: Any,
    tiny_animatediff: Any,
    tiny_statistics: Statistics,
    hostile: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The report before has kept its read-out beside the model, so this one does not fit another."""
    reading.statistics_path(tiny_animatediff).with_name(SWEEP_FILE).unlink(missing_ok=True)
    monkeypatch.setattr(module, "fit_readout", lambda *_: pytest.fail("fitted again"))

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "draw", stop)
    with pytest.raises(KeyboardInterrupt):
        explain(
            tiny_animatediff,
            [str(hostile)],
            tmp_path / "out",
            wanted=QUICK,
            model="tiny",
            statistics=tiny_statistics,
        )
    left = sorted(p.name for p in tmp_path.rglob("*") if p.is_file())
    assert len(left) == 2 and left[0].startswith("clip-") and left[1] == READOUT_FILE


# ---------------------------------------------------------------- other families


@pytest.mark.parametrize("make", [tiny.wan, tiny.svd], ids=["wan", "svd"])
def test_other_families_are_explained_through_the_same_door(make: Any, hostile: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    pipe = make()
    size = tiny.clip_size(pipe)
    made = {"frames": size.frames}
    channels, zero = torch.tensor([0, 3, 5]), torch.zeros(3)
    tap = Tap(pipe)
    statistics = Statistics(channels, torch.zeros(3, 2), zero, zero, tap.layer, 300, "tiny", made)
    wanted = replace(QUICK, objects=2, fitting=64, timesteps=(300,))
    read = reading.reader(pipe, wanted, "tiny", print, statistics)
    read = replace(read, size=size, layers=(tap.layer,))
    clip = read_clip(hostile, size)
    source = reading.source_of(read, clip, {tap.layer: channels}, wanted)
    feature = interpret.read(pipe, np.stack([clip.video] * 2), 300, tap.layer, batch=1)
    known = object_clips(2, size, 5)
    batches = [(feature, known.cells(feature))] * 2
    readout = fit(batches, batches, channels, tap.layer, 300, size)
    found = reading.look(read, clip, source, readout, {tap.layer: channels}, wanted, 0)
    cells = feature.shape[1], *feature.shape[3:]
    assert found["design/moft"].shape == cells and found["flow"].shape == (*clip.video.shape[:3], 2)
    assert all(v.abs().max() <= 1 + 1e-5 for k, v in found.items() if k != "flow")
    _, row, column = interpret.cell_of(source.point, size, feature)
    assert found["design/vanilla"][:, row, column].min() > 0.999  # the same noise: the point is like itself


# ---------------------------------------------------------------- input


def test_a_long_clip_is_read_with_a_stride_that_keeps_it_slow_enough(tmp_path: Path) -> None:
    slow, fast = noise_clip(tmp_path / "slow.mp4", 40, 1), noise_clip(tmp_path / "fast.mp4", 40, 3)
    assert "one in 2 of the first 16 frames" in str(read_clip(slow, SIZE).note)
    assert "the first 8 frames" in str(read_clip(fast, SIZE).note)
    assert abs(np.median(dense_flow(read_clip(slow, SIZE).video)[..., 0]) - 2) < 0.3


def test_a_short_clip_is_resampled_and_said_to_be(tmp_path: Path) -> None:
    clip = read_clip(noise_clip(tmp_path / "short.mp4", 4), SIZE)
    assert clip.video.shape == (8, 64, 64, 3) and "4 frames, fewer than the model's 8; resampled" in str(
        clip.note
    )
    assert (clip.video[0] == clip.video[1]).all()


def test_a_picture_is_panned_with_exact_flow(tmp_path: Path) -> None:
    clip = read_clip(picture(tmp_path / "a.png"), SIZE)
    assert clip.true is not None and np.allclose(clip.true, [-0.03 * 64, 0])
    blurred = np.asarray([np.asarray(Image.fromarray(f).resize((64, 64))) for f in clip.video])
    assert abs(np.median(dense_flow(blurred)[..., 0]) + 1.92) < 0.5


def test_clips_of_known_flow_are_scaled_with_their_flow() -> None:
    small, large = object_clips(2, SIZE, 7), object_clips(2, ClipSize(8, 128, 192), 7)
    assert large.video.shape == (2, 8, 128, 192, 3)
    assert (
        np.allclose(large.flow[:, :, ::2, ::3], small.flow * [3, 2], atol=1e-4)
        and np.abs(small.flow).max() > 1
    )
    pans = panned_clips([np.random.default_rng(0).integers(0, 255, (99, 99, 3)).astype(np.uint8)], SIZE, 3)
    assert pans.flow.shape == (3, 8, 64, 64, 2) and np.ptp(pans.flow[0].reshape(-1, 2), 0).max() == 0


def test_steadied_clips_move_as_their_flow_says() -> None:
    smooth = np.asarray(
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (9, 9, 3), np.uint8)).resize((200, 200))
    )
    pans = panned_clips([smooth], SIZE, 4)
    clips = steadied(pans, 0)
    rest = torch.from_numpy(clips.flow[:, 4, 32, 32])
    assert 0 < rest.norm(dim=-1).max() < 2 < np.linalg.norm(pans.flow, axis=-1).max()
    still = along(torch.from_numpy(clips.video).float(), rest)[:, :, 24:40, 24:40]
    before = torch.from_numpy(pans.video).float()[:, :, 24:40, 24:40]
    assert still.std(1).mean() < 0.2 * before.std(1).mean()


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.mp4", b"", "empty file"),
        ("page.mp4", b"<html>", "starts with"),
        ("none.mp4", None, "no file"),
        ("pickle.pt", b"\x80\x04\x95hello", "starts with"),
    ],
)
def test_files_that_cannot_be_read_are_one_line(
    tiny_folder: Path, tmp_path: Path, name: str, content: Any, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    result = run("explain", tmp_path / name, "--model", tiny_folder, "-o", tmp_path / "out")
    assert result.exit_code == 2 and message in result.output and result.output.count("error:") == 1
    assert not (tmp_path / "out").exists()


def test_a_clip_of_one_frame_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="2 frames or more"):
        read_clip(noise_clip(tmp_path / "one.mp4", 1), SIZE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--point", "64,0,0"], "inside"),
        (["--point", "1,2"], "three numbers"),
        (["--point", "0,0,8"], "inside"),
        (["--layer", "nowhere"], "no layer"),
        (["-o", "/nowhere/out"], "create it first"),
    ],
)
def test_requests_that_make_no_sense_are_one_line(
    tiny_folder: Path, hostile: Path, tmp_path: Path, options: Any, message: str
) -> None:
    where = [] if "-o" in options else ["-o", tmp_path / "out"]
    result = run("explain", hostile, "--model", tiny_folder, *where, *options)
    assert result.exit_code == 2 and message in result.output and result.output.count("error:") == 1
    assert not (tmp_path / "out").exists()


def test_no_clips_and_unknown_models_are_refused(tmp_path: Path) -> None:
    assert "--probe" in run("explain").output
    result = run("explain", "--probe", "--model", tmp_path / "none", "-o", tmp_path / "out")
    assert result.exit_code == 2 and "no model" in result.output


def test_a_stored_sweep_says_where_to_read_and_a_broken_one_is_refused(
    tiny_animatediff: Any, tiny_statistics: Statistics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "statistics_path", lambda _: tmp_path / "motion_channels.safetensors")
    best = {"layer": tiny_statistics.layer, "timestep": 42}
    (tmp_path / SWEEP_FILE).write_text(json.dumps({"best": best}))
    assert reading.reader(tiny_animatediff, Wanted(), "tiny", print, tiny_statistics).timestep == 42
    (tmp_path / SWEEP_FILE).write_text("{}")
    with pytest.raises(RequestError, match="remove it"):
        reading.reader(tiny_animatediff, Wanted(), "tiny", print, tiny_statistics)


def test_hues_differ_between_directions_and_nothing_is_white() -> None:
    ways = flow_picture(np.array([[[2.0, 0], [-2, 0], [0, 2], [0, -2], [0, 0]]]), 2.0)[0].astype(int)
    assert min(np.abs(a - b).max() for i, a in enumerate(ways) for b in ways[:i]) > 60 and ways[4].min() > 220
