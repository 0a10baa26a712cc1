"""What `moft bench` compares, keeps and says; docs/benchmarks.md is what the stored results say."""

from __future__ import annotations

import copy
import dataclasses
import json
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tiny import tiny
from typer.testing import CliRunner

import moft
from moft.bench import results
from moft.bench import runs as bench_runs
from moft.bench.runs import SCORES, Runs
from moft.bench.tables import page, records
from moft.bench.tables.pieces import made_by
from moft.bench.task import (
    CLIP,
    PROMPTS,
    QUALITIES,
    TUNING_PROMPTS,
    Task,
    clips,
    first_part,
    held_out,
    judged,
    pictures,
    plain,
    prompts_of,
    tuning,
)
from moft.bench.ways import drag, features, layers
from moft.cli.commands import app
from moft.errors import MediaError
from moft.feature.definition import ccr, motion_channels
from moft.metrics.quality import Judge
from moft.steering.loop import Steering
from moft.steering.settings import Settings
from moft.types import ClipSize

DOCS = Path(moft.__file__).parent.parent / "docs"


# ---------------------------------------------------------------- tasks and scores


def test_tuning_and_held_out_tasks_share_no_prompt_seed_or_picture() -> None:
    asked = held_out(prompts=prompts_of(64))
    seeds = [
        [task.seed + i for task in tasks for i in range(len(task.prompts))] for tasks in (asked, tuning())
    ]
    assert len(seeds[0]) == len(set(seeds[0])) == 512  # no two alike
    assert not set(seeds[0]) & set(seeds[1])
    assert not set(prompts_of(64)) & set(TUNING_PROMPTS)
    assert not any(np.array_equal(a.reference, b.reference) for a in asked for b in tuning())


def test_more_prompts_only_add_tasks_and_those_of_the_first_eight_stay() -> None:
    few, more = held_out(), held_out(prompts=prompts_of(34))
    assert sum(len(task.prompts) for task in more) == 272  # the paper's 270
    assert len({prompt for task in more for prompt in task.prompts}) == 34
    assert [(t.name, t.prompts, t.seed) for t in few] == [
        (t.name, t.prompts, t.seed) for t in first_part(more)
    ]
    assert all(np.array_equal(a.reference, b.reference) for a, b in zip(few, more, strict=False))


def test_a_model_that_starts_from_an_image_gets_one_for_every_prompt_and_others_for_other_seeds() -> None:
    found = clips(tiny("svd"), PROMPTS[:2], 100, steps=2)
    assert found.shape == (2, 8, 64, 64, 3) and not np.array_equal(*found)
    one, same, other = (np.stack([np.asarray(p) for p in pictures(2, seed)]) for seed in (100, 100, 102))
    assert np.array_equal(one, same) and not any(np.array_equal(a, b) for a in one for b in other)


def test_references_move_as_the_task_says() -> None:
    for task in (*held_out(), *tuning()):
        assert moft.measure(task.reference).inside == pytest.approx(
            task.motion.velocity(ClipSize(8, 64, 64)), abs=0.03
        )


def test_a_clip_scores_full_marks_against_itself_and_none_against_one_that_goes_across() -> None:
    right, _, down, *_ = held_out()
    own = judged(right, right.reference, right.reference)
    assert [own[name] for name in ("fidelity", "cosine", "speed", "content")] == pytest.approx(
        [1, 1, 1, 1], abs=1e-3
    )
    across = judged(right, down.reference, right.reference)
    assert across["fidelity"] == pytest.approx(0, abs=0.1)
    assert across["cosine"] == pytest.approx(0, abs=0.05)


def test_a_quality_that_is_added_is_in_every_row_and_on_the_page(
    made: dict[str, results.Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(QUALITIES, "flash", lambda video: 0.25)
    clip = held_out(("left",), PROMPTS[:1])[0]
    assert judged(clip, clip.reference, clip.reference)["flash"] == 0.25
    for record in (made["features"]["summary"], made["features"]["summary4"]["mid"]):
        for row in record.values():
            row["flash"] = 0.25
    assert "| imaging | flash |" in page.text(made, "results")


def test_intervals_hold_the_mean_and_shrink_with_the_root_of_the_number_of_clips() -> None:
    values = np.random.default_rng(0).normal(0.5, 0.1, 400)
    low, high = results.interval(values.tolist())
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)  # of a normal distribution
    assert results.interval([0.5, 0.5]) == (0.5, 0.5)


# ---------------------------------------------------------------- features


def test_pairwise_differences_of_means_are_ccr_of_means_by_another_name() -> None:
    a, b = torch.randn(2, 3, 8, 5, generator=torch.Generator().manual_seed(0))
    apart = (ccr(a[..., None, None]) - ccr(b[..., None, None])).square().mean()
    torch.testing.assert_close(features.pairwise_differences(a, b), 2 * apart)


@pytest.fixture
def task(tiny_statistics: moft.Statistics, monkeypatch: pytest.MonkeyPatch) -> Task:
    """One short task, for the tiny pipeline."""
    for module in ("moft.bench.ways.features", "moft.steering.entry", "moft.feature.reference"):
        monkeypatch.setattr(f"{module}.find_statistics", lambda pipe: tiny_statistics)
    return held_out(("left",), PROMPTS[:2])[0]


@pytest.mark.parametrize("name", ["smm", "vanilla"])
def test_every_feature_is_reached_by_steering(
    name: str, task: Task, tiny_animatediff: Any, tmp_path: Path
) -> None:
    with features.TABLE1[name](tiny_animatediff, task, Settings(steps=(0.1, 0.9), step_size=0.03)) as run:
        Runs(tiny_animatediff, tmp_path, print, steps=4).clips(
            name, lambda *_: nullcontext(run), task, Settings()
        )
    assert isinstance(run, Steering)
    losses = [loss for step in run.report.steps for loss in step["losses"]]
    assert len(losses) == 2 * len(run.report.steps) > 2
    assert all(later < first for first, later in (step["losses"] for step in run.report.steps))


def test_shares_that_are_all_channels_or_the_models_own_are_named_so(
    task: Task, tiny_animatediff: Any, tiny_statistics: moft.Statistics, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = torch.randn(6, 8, 32, generator=torch.Generator().manual_seed(0))
    chosen = motion_channels(noise[:, 0], 0.2, components=2)
    bound = torch.ones(len(chosen))
    answer = {"response": torch.ones(len(chosen), 2), "low": -bound, "high": bound}
    own = dataclasses.replace(tiny_statistics, channels=chosen, **answer)
    for module in (features, layers):
        monkeypatch.setattr(module, "find_statistics", lambda pipe: own)
    monkeypatch.setattr(
        layers, "read_pans", lambda pipe, layers: (dict.fromkeys(layers, noise), torch.randn(6, 8, 2))
    )
    found, shares = layers.layers_of(tiny_animatediff, ("mid_block", own.layer)), (1.0, 0.2, 0.06)
    assert {
        name: len(chosen) for name, chosen in found[own.layer].channels(tiny_animatediff, shares).items()
    } == {"ccr": 32, "moft": 6, "kept_2": 2}
    assert set(found["mid_block"].channels(tiny_animatediff, shares)) == {"ccr", "kept_6", "kept_2"}
    with found["mid_block"].ways(tiny_animatediff, shares)["kept_2"](
        tiny_animatediff, task, Settings()
    ) as run:
        assert run.tap.layer == "mid_block"
        assert len(run.objectives(CLIP)[0].target.channels) == 2


def test_displacement_explains_what_follows_it_and_nothing_of_noise() -> None:
    paths = torch.randn(400, 8, 2, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(400, 8, 1, generator=torch.Generator().manual_seed(1))
    values = torch.cat([paths @ torch.tensor([[2.0], [-1.0]]), noise, noise + paths[..., :1]], -1)
    assert layers.explained(values, paths).tolist() == pytest.approx(
        [1, 0, 0.5], abs=0.06
    )  # half of the last one's variance


# ---------------------------------------------------------------- runs


def test_clips_are_sampled_once_and_again_under_other_settings(
    task: Task, tiny_animatediff: Any, tmp_path: Path
) -> None:
    used = []

    def way(pipe: Any, task: Task, settings: Settings) -> Any:
        used.append(settings.step_size)
        return nullcontext()

    runs = Runs(tiny_animatediff, tmp_path, print, steps=2)
    first, seconds = runs.clips("way", way, task, Settings(step_size=0.3))
    again, same = runs.clips("way", way, task, Settings(step_size=0.3))
    runs.clips("way", way, task, Settings(step_size=0.1))
    assert used == [0.3, 0.1]
    assert (first.shape, seconds) == ((2, 8, 64, 64, 3), same)
    np.testing.assert_array_equal(first, again)


def test_clips_and_scores_of_other_weights_are_made_anew(
    task: Task, tiny_animatediff: Any, tmp_path: Path
) -> None:
    """A folder may hold those of the miniature as it was before it was trained on."""
    said: list[str] = []
    Runs(tiny_animatediff, tmp_path, said.append, steps=2).scores("plain", plain, [task])
    Runs(tiny_animatediff, tmp_path, said.append, steps=2).scores("plain", plain, [task])
    weight = next(tiny_animatediff.unet.parameters()).data
    kept = weight.clone()
    weight += 1e-3
    Runs(tiny_animatediff, tmp_path, said.append, steps=2).scores("plain", plain, [task])
    weight.copy_(kept)
    assert len(said) == 2 and len((tmp_path / SCORES).read_text().splitlines()) == 2


def test_scores_of_a_way_that_does_nothing_are_those_of_plain_clips(
    task: Task, tiny_animatediff: Any, tmp_path: Path
) -> None:
    said: list[str] = []
    runs = Runs(tiny_animatediff, tmp_path, said.append, steps=2)
    found, same = runs.scores("plain", plain, [task]), runs.scores("other", lambda *_: nullcontext(), [task])
    assert found["content"] == [1, 1]
    assert all(found[name] == same[name] for name in found if name != "seconds")
    assert len(said) == 2


def test_scores_that_are_noted_need_no_clips(
    task: Task, tiny_animatediff: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, elsewhere = tmp_path / "there", tmp_path / "elsewhere"
    found = Runs(tiny_animatediff, there, print, steps=2).scores("plain", plain, [task])
    elsewhere.mkdir()
    (elsewhere / SCORES).write_text('{"of": ["cut o\n' + (there / SCORES).read_text())
    with monkeypatch.context() as patch:
        patch.setattr(bench_runs, "sample", lambda *_, **__: pytest.fail("sampled again"))
        assert Runs(tiny_animatediff, elsewhere, print, steps=2).scores("plain", plain, [task]) == found
    said: list[str] = []  # of other steps, or of another way, they are none
    Runs(tiny_animatediff, elsewhere, said.append, steps=3).scores("plain", plain, [task])
    Runs(tiny_animatediff, elsewhere, said.append, steps=2).scores("other", plain, [task])
    assert len(said) == 2 and len((elsewhere / SCORES).read_text().splitlines()) == 4


def test_a_point_that_stays_is_as_far_as_the_mean_of_its_way() -> None:
    still = np.repeat(held_out()[0].reference[:1], 8, 0)
    (row,) = drag.distances(still[None], [(20, 20), (34, 20)])
    assert row["px"] == pytest.approx(np.mean(np.linspace(0, 14, 8)[1:]), abs=1e-3)
    assert row["distance"] == pytest.approx(row["px"] / 14)
    assert row["seen"] == 1


# ---------------------------------------------------------------- results and the page


def rows_of(**fidelity: list[float]) -> dict[str, Any]:
    names = ("cosine", "speed", "tracked", "content", "steadiness", "flickering", "imaging", "seconds")
    return {
        way: {"fidelity": values, **{name: [0.5] * len(values) for name in names}}
        for way, values in fidelity.items()
    }


@pytest.fixture
def made() -> dict[str, results.Record]:
    """Results as `moft bench` would leave them."""
    rows = rows_of(
        plain=[0.1, 0.2],
        smm=[0.7, 0.9],
        vanilla=[0.3, 0.4],
        ccr=[0.6, 0.7],
        moft=[0.8, 0.9],
        synthesised=[0.8, 0.95],
    )
    rows4 = rows_of(vanilla=[0.1, 0.2], ccr=[0.6, 0.7], moft=[0.8, 0.9], kept_2=[0.5, 0.6])
    found = results.record(
        "features",
        100,
        directions=["left"],
        prompts=["a", "b"],
        speed="2px",
        judge="a critic",
        by_position=[],
        summary=results.summary(rows, "fidelity"),
        explained={"mid": {"channels": 64, "mean": 0.2, "over_half": 0.1}},
        kept={"mid": {"ccr": 64, "moft": 16, "kept_2": 2}},
        summary4={"mid": results.summary(rows4, "fidelity")},
        rows=rows,
        rows4={"mid": rows4},
    )
    ratios = {"flops": 1.44, "seconds": 1.6, "memory": 2.2}
    cost = {
        "steered": ratios,
        "fused": {**ratios, "flops": 1.11, "seconds": 1.1},
        "release": {**ratios, "flops": 3.6},
    }
    grown = [{"grows": "frames", "frames": 8, "side": 64, "regions": 0, "flops": 1.4, "memory": 2.0}]
    return {"features": found, "cost": results.record("cost", 0, cost=cost, growth=grown)}


def test_the_page_says_of_each_bar_whether_it_was_met(made: dict[str, results.Record]) -> None:
    assert "**missed**" not in page.text(made, "results")
    assert "Imaging is by a critic" in page.text(made, "results")
    worse = copy.deepcopy(made)
    worse["cost"]["cost"]["fused"]["flops"] = 1.2
    worse["features"]["rows"]["moft"]["fidelity"] = [0.5, 0.6]
    missed = [line for line in page.text(worse, "results").splitlines() if "**missed**" in line]
    assert ["fused" in line or "above CCR alone" in line for line in missed] == [True, True]


def test_the_page_tells_seconds_of_a_batch_where_there_are_some(made: dict[str, results.Record]) -> None:
    assert "of four clips" not in page.text(made, "results")
    for row in made["cost"]["cost"].values():
        row["seconds_batch"] = 1.23
    assert "of four clips" in page.text(made, "results")
    assert "| `fused`, seconds of four at most 1.2 | 1.23 | **missed** |" in page.text(made, "results")


def test_the_page_says_whether_drags_arrive(made: dict[str, results.Record]) -> None:
    rows = {
        "plain": {"distance": [0.6, 0.7]},
        "dift": {"distance": [0.3, 0.4]},
        "moft": {"distance": [0.4, 0.5]},
        "both": {"distance": [0.1, 0.19]},
    }
    for columns in rows.values():
        columns |= {"px": [1.0, 1.0], "seen": [1.0, 1.0]}
    made["drag"] = results.record(
        "drag",
        900,
        paths=[[[0, 0], [1, 1]]],
        prompts=["a"],
        summary=results.summary(rows, "distance"),
        rows=rows,
    )
    lines = page.text(made, "results").splitlines()
    (near,) = [line for line in lines if line.startswith("| Table 2: MOFT early")]
    (below,) = [line for line in lines if line.startswith("| Table 2: below")]
    assert "0.145" in near
    assert "-0.205" in below
    assert near.endswith("| met |")


def test_a_result_says_how_long_the_miniature_had_been_trained_and_the_page_too() -> None:
    miniature = SimpleNamespace(name_or_path=moft.miniature_path())
    clips = json.loads((Path(moft.miniature_path()) / "training.json").read_text())["clips"]
    made = results.record("drag", 3, miniature)
    assert made["trained"] == clips and made_by(made).endswith(
        f"seed 3, the miniature at {clips / 1000:.1f} k clips."
    )
    assert made_by(results.record("drag", 3, SimpleNamespace(name_or_path=None))).endswith("seed 3.")


def test_the_page_has_every_mean_and_what_made_it(made: dict[str, results.Record]) -> None:
    words = page.text(made, "results")
    for row in made["features"]["summary"].values():
        assert f"{row['fidelity']:.3f}" in words
    assert made["features"]["command"] in words


def test_results_come_back_as_they_were_saved(made: dict[str, results.Record], tmp_path: Path) -> None:
    for name, record in made.items():
        results.save(tmp_path, name, record)
    assert results.load(tmp_path) == made


@pytest.mark.parametrize("words", [None, "{", "[]", '{"kind": "features"}'])
def test_what_is_no_result_is_refused(words: str | None, tmp_path: Path) -> None:
    if words is not None:
        (tmp_path / "other.json").write_text(words)
    with pytest.raises(MediaError, match="expected"):
        results.load(tmp_path)
    done = CliRunner().invoke(app, ["bench", "page", str(tmp_path), "-o", str(tmp_path / "page.md")])
    assert done.exit_code == 2
    assert "error: " in done.stderr
    assert not (tmp_path / "page.md").exists()


def test_the_command_writes_the_page_and_its_figures(made: dict[str, results.Record], tmp_path: Path) -> None:
    for name, record in made.items():
        results.save(tmp_path, name, record)
    done = CliRunner().invoke(app, ["bench", "page", str(tmp_path), "-o", str(tmp_path / "page.md")])
    assert done.exit_code == 0
    assert (tmp_path / "page.md").read_text() == page.text(made, ".")
    assert {path.stem for path in tmp_path.glob("*.svg")} == {"table1", "table4", "growth"}


def test_all_of_it_is_summed_up_in_one_file(
    made: dict[str, results.Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {way: {"distance": [0.2, 0.4]} for way in drag.WAYS}
    features_found = copy.deepcopy(made["features"])
    features_found["summary"]["plain"]["fidelity"] = -0.02
    found = {
        "features": features_found,
        "cost": made["cost"],
        "peers": made["features"],
        "drag": results.record("drag", 900, summary=results.summary(rows, "distance"), rows=rows),
    }
    for name, record in found.items():
        monkeypatch.setattr(records, name, lambda *_args, record=record, **_few: record)
    monkeypatch.setattr(
        "moft.bench.control.commands.load_pipeline",
        lambda _model: SimpleNamespace(components={}, set_progress_bar_config=lambda disable: None),
    )
    done = CliRunner().invoke(app, ["bench", "--quick", "-o", str(tmp_path / "out"), "--json"])
    assert done.exit_code == 0
    kept = json.loads((tmp_path / "out" / "results.json").read_text())
    assert kept == json.loads(done.stdout)
    assert set(kept["features"]) == {"plain", "smm", "vanilla", "ccr", "moft", "synthesised"}
    assert all(0 <= value <= 1 for value in kept["features"].values())
    assert all({"flops", "seconds", "memory"} <= set(row) for row in kept["cost"].values())
    assert kept["drag"]["both"] == pytest.approx(0.3)
    assert set(results.load(tmp_path / "out")) == {"cost", "drag", "features", "peers", "results"}


def test_a_file_where_the_folder_should_be_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    done = CliRunner().invoke(app, ["bench", "cost", "-o", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "expected an existing folder" in done.stderr
    assert (tmp_path / "out").read_text() == "mine"


def test_fewer_tasks_and_shares_can_be_asked_for(
    made: dict[str, results.Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def run(
        _pipe: Any, _out: Path, _say: Any, tasks: list[Task], shares: Any, elsewhere: bool, judge: Judge
    ) -> results.Record:
        asked.extend([[task.name for task in tasks], shares, elsewhere, judge.name])
        return made["features"]

    monkeypatch.setattr(records, "features", run)
    monkeypatch.setattr(
        "moft.bench.control.commands.load_pipeline",
        lambda _model: SimpleNamespace(components={}, set_progress_bar_config=lambda disable: None),
    )
    done = CliRunner().invoke(
        app, ["bench", "features", "--tasks", "2", "--share", "0.25", "--no-elsewhere", "-o", str(tmp_path)]
    )
    assert done.exit_code == 0
    assert asked == [["right", "down-right"], [1.0, 0.25], False, "sharpness, no weights"]
    assert "fidelity 0.85" in done.stdout
    assert results.load(tmp_path) == {"features": made["features"]}


def test_the_docs_say_what_the_stored_results_say() -> None:
    stored = results.load(DOCS / "benchmarks")
    assert (DOCS / "benchmarks.md").read_text() == page.text(stored, "benchmarks"), "run `moft bench page`"
    for name in page.drawn(stored):
        assert page.digest(stored) in (DOCS / "benchmarks" / f"{name}.svg").read_text(), (
            "run `moft bench page`"
        )
    for record in stored.values():
        if "summary" in record:
            score = "distance" if record["kind"] == "drag" else "fidelity"
            assert results.summary(record["rows"], score) == record["summary"]
        for layer, rows in record.get("rows4", {}).items():
            assert results.summary(rows, "fidelity") == record["summary4"][layer]
