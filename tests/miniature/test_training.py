"""The training loop: what is cut off goes on as if it had not been, and what a machine does best is found."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import cut_off
import pytest
import torch
from diffusers import AutoencoderKL

from moft.errors import RequestError
from moft.miniature.curriculum import STAGES
from moft.miniature.families import BUILDS
from moft.miniature.machine import Machine
from moft.miniature.pool import BLOCK, Pool
from moft.miniature.train import Trainer, shipped_vae
from moft.miniature.train_vae import train_decoder


def state(trainer: Trainer) -> dict[str, torch.Tensor]:
    """Every weight, average and momentum."""
    found = {**trainer.parts.state_dict(), **trainer.average.state_dict(prefix="average.")}
    for i, optimiser in enumerate(trainer.optimisers):
        for number, values in optimiser.state_dict()["state"].items():
            found |= {f"{i}.{number}.{name}": torch.as_tensor(value) for name, value in values.items()}
    return found


def test_a_training_killed_while_it_saves_ends_where_one_left_alone_does(tmp_path: Path):
    (tmp_path / "alone").mkdir()
    (tmp_path / "killed").mkdir()
    alone = cut_off.small_trainer(tmp_path / "alone")
    alone.run(cut_off.UNTIL)
    threads = f"import torch; torch.set_num_threads({torch.get_num_threads()})"
    command = f"import sys; sys.path.insert(0, {str(Path(cut_off.__file__).parent)!r}); {threads}; "
    command += f"import pathlib, cut_off; cut_off.main(pathlib.Path({str(tmp_path / 'killed')!r}))"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    resumed = cut_off.small_trainer(tmp_path / "killed")
    resumed.resume()
    assert resumed.clips == 4  # after the second save; the third step is done again
    resumed.run(cut_off.UNTIL)
    one, other = state(alone), state(resumed)
    assert one.keys() == other.keys() and resumed.clips == alone.clips == cut_off.UNTIL
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_training_starts_from_what_another_wrote(tmp_path: Path):
    first = cut_off.small_trainer(tmp_path / "a")
    first.clips = 1234
    with torch.no_grad():
        for parameter in first.averaged["denoiser"].parameters():
            parameter.mul_(1.5)
    first.export(tmp_path / "written")
    second = cut_off.small_trainer(tmp_path / "b")
    second.resume(tmp_path / "written")
    assert second.clips == second.began == 1234
    for parts in (second.parts, second.averaged):
        for here, there in zip(
            parts["denoiser"].parameters(), first.averaged["denoiser"].parameters(), strict=True
        ):
            torch.testing.assert_close(here, there, rtol=1e-3, atol=1e-4)
    with pytest.raises(RequestError, match="that `assemble` wrote"):
        second.resume(tmp_path / "nothing")


def test_a_training_stops_in_time_and_its_learning_rate_falls_to_nothing_at_the_end(tmp_path: Path):
    trainer = cut_off.small_trainer(tmp_path)
    trainer.run(100, minutes=0)
    assert trainer.clips == 0 and (tmp_path / "training.pt").exists()
    trainer.clips = trainer.began = 1000
    rates = []
    for clips in (1000, 1100, 1200, 2600, 2900, 3000):
        trainer.clips = clips
        rates.append(trainer.rate(3000) / trainer.settings.lr)
    assert rates == pytest.approx([0.01, 0.51, 1, 1, 0.25, 0])


def test_the_stages_follow_each_other_and_the_last_show_clips_of_both_lengths():
    begins = [stage.begin for stage in STAGES]
    assert begins == sorted(set(begins)) and begins[0] == 0
    assert STAGES[-3].shift == 0 and STAGES[-2].begin - STAGES[-3].begin == 2_000
    assert all(stage.frames == {1, 8, 16} for stage in STAGES[-3:])
    assert all(stage.shift > 0 for stage in (*STAGES[1:-3], *STAGES[-2:]))


def test_a_pool_grows_then_replaces_its_oldest_rows_and_goes_on_from_its_state():
    def pool() -> Pool:
        return Pool(
            lambda n, number: {"x": torch.full((n,), number)}, size=4 * BLOCK, reuse=2, begin=2 * BLOCK
        )

    one = pool()
    one.draw(1)
    assert len(one) == 2 * BLOCK
    for _ in range(8):
        drawn = one.draw(BLOCK)["x"]
    assert len(one) == 4 * BLOCK and drawn.shape == (BLOCK,)
    assert one.made == 6 and drawn.min() >= 2  # half as many made as drawn, and the first are gone
    other = pool()
    other.restore(one.state())
    for _ in range(3):
        torch.manual_seed(0)
        expected = one.draw(BLOCK)["x"]
        torch.manual_seed(0)
        assert torch.equal(other.draw(BLOCK)["x"], expected)


def test_what_a_machine_does_fastest_is_found_within_seconds():
    start = time.process_time()
    machine = Machine.tried()
    assert time.process_time() - start < 10
    said = machine.said()
    assert min(machine.float32, machine.bfloat16, machine.fused, machine.plain) > 0
    assert said["chosen"] == ("bfloat16" if machine.bfloat16 > 1.5 * machine.float32 else "float32")


def test_products_are_taken_in_bfloat16_only_where_it_is_much_faster():
    a = torch.ones(2, 2)
    for bfloat16, kind in ((900.0, torch.bfloat16), (110.0, torch.float32), (1.0, torch.float32)):
        with Machine("cpu", 100, bfloat16, 1, 1).products():
            assert (a @ a).dtype == kind


@pytest.mark.parametrize("name", BUILDS)
def test_attention_in_either_way_is_the_same_in_every_family(name: str):
    torch.manual_seed(0)
    build = BUILDS[name]
    denoiser, text = build.denoiser().eval(), build.text_encoder(build.tokenizer()).eval()
    noisy, t, vae = torch.randn(1, 4, 8, 16, 16), torch.tensor([500]), build.vae()
    rows = {"ids": torch.ones(1, 24).long(), **build.given(vae, noisy)}
    found = {}
    for plain in (9.0, 11.0):
        with torch.no_grad(), Machine("cpu", 1, 1, fused=10, plain=plain).products():
            assert torch.backends.cuda.flash_sdp_enabled() == (plain > 10)
            torch.manual_seed(1)
            found[plain] = build.denoise(denoiser, text, noisy, t, rows)
    assert torch.backends.cuda.flash_sdp_enabled()
    torch.testing.assert_close(found[9.0], found[11.0], rtol=1e-3, atol=1e-4)


def test_a_decoder_learns_alone_so_that_latents_stay_what_they_are(tmp_path: Path):
    shipped = shipped_vae(BUILDS["animatediff"])
    train_decoder(tmp_path, 0.05, AutoencoderKL.from_pretrained(shipped))
    before, after = (AutoencoderKL.from_pretrained(path).state_dict() for path in (shipped, tmp_path / "vae"))
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"decoder"}
