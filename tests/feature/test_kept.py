"""What long work found so far: taken up for the same question alone, and the same however it was parted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from moft.errors import RequestError
from moft.feature import read
from moft.feature.kept import Kept, pieces
from moft.feature.read import at_once, noised_features
from moft.feature.statistics import find_motion_channels, response_of
from moft.known.pans import pans
from moft.models.tap import Tap
from moft.types import ClipSize

SIZE = ClipSize(8, 32, 32)
NOISE = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
NAMES = [["pans", 0], ["pans", 1], ["pans", 2]]


def made(kept: Kept, names: Any = NAMES) -> list[int]:
    """Which pieces had to be made."""
    anew: list[int] = []

    def make(number: int) -> dict[str, torch.Tensor]:
        anew.append(number)
        return {"value": torch.full((2,), float(number))}

    found = pieces(names, make, lambda _: {"value": (2,)}, kept)
    assert [float(piece["value"][0]) for piece in found] == [0.0, 1.0, 2.0]
    return anew


def test_what_is_kept_is_not_made_again_and_is_gone_in_the_end(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "a.safetensors", ["model", 1])
    kept.save(NAMES[1], {"value": torch.ones(2)})
    assert made(kept) == [0, 2] and made(kept) == []
    kept.clear()
    assert list(tmp_path.iterdir()) == [] and made(kept) == [0, 1, 2]


def test_another_question_takes_nothing_of_it(tmp_path: Path) -> None:
    made(Kept(tmp_path / "a.safetensors", ["model", 1]))
    assert made(Kept(tmp_path / "a.safetensors", ["model", 2])) == [0, 1, 2]
    assert made(Kept(tmp_path / "a.safetensors", ["another", 1])) == [0, 1, 2]
    assert made(Kept(tmp_path / "b.safetensors", ["model", 1])) == [0, 1, 2]
    other = [["pans", number, "another layer"] for number in range(3)]
    assert made(Kept(tmp_path / "a.safetensors", ["model", 1]), other) == [0, 1, 2]


@pytest.mark.parametrize("broken", [b"", b"half of a", None])
def test_what_is_broken_is_made_again(tmp_path: Path, broken: bytes | None) -> None:
    kept = Kept(tmp_path / "a.safetensors", ["model"])
    made(kept)
    first = min(kept.folder.iterdir())
    first.write_bytes(first.read_bytes()[:-5] if broken is None else broken)
    assert len(made(kept)) == 1
    kept.save(NAMES[0], {"value": torch.zeros(3)})
    assert made(kept) == [0]


def test_channels_are_the_same_however_many_clips_are_read_at_once(
    tiny_animatediff: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = pans([NOISE], SIZE, speeds=(0.03,))
    tap = Tap(tiny_animatediff)
    assert at_once(tap, SIZE) > len(clips) and at_once(tap, ClipSize(16, 512, 512)) == 1
    together = find_motion_channels(tiny_animatediff, clips, share=0.2)
    monkeypatch.setattr(read, "_CELLS", 1)
    assert at_once(tap, SIZE) == 1
    alone = find_motion_channels(tiny_animatediff, clips, share=0.2)
    assert torch.equal(together.channels, alone.channels)
    torch.testing.assert_close(together.response, alone.response, rtol=1e-3, atol=1e-4)


def test_clips_that_are_read_keep_nothing_for_gradients(tiny_animatediff: Any) -> None:
    """Else the latents of each held all that the autoencoder had computed, gigabytes at real size."""
    tap = Tap(tiny_animatediff)
    video = np.stack([video for video, _ in pans([NOISE], SIZE, speeds=(0.03,))[:2]])
    assert not read.encode(tap, video).requires_grad
    assert not noised_features(tap, video, 300).requires_grad


def test_what_no_channels_can_come_of_is_said_before_anything_is_read(tiny_animatediff: Any) -> None:
    never: Any = lambda _: pytest.fail("read clips")  # noqa: E731
    clips = pans([NOISE], SIZE)
    with pytest.raises(RequestError, match="share in"):
        find_motion_channels(tiny_animatediff, clips, share=1.5, track=never)
    with pytest.raises(RequestError, match="at least 2 clips"):
        find_motion_channels(tiny_animatediff, clips[:1], track=never)


def test_the_response_does_not_depend_on_where_in_memory_numbers_lie() -> None:
    """What was read from a file lies elsewhere than what was just found."""

    def laid(numbers: torch.Tensor, offset: int) -> torch.Tensor:
        there = torch.empty(numbers.numel() + 64)[offset : offset + numbers.numel()].view(numbers.shape)
        return there.copy_(numbers)

    noise = torch.Generator().manual_seed(0)
    path, value = torch.randn(75, 2, generator=noise), torch.randn(75, 26, generator=noise)
    found = {response_of(laid(path, i % 16), laid(value, i)).numpy().tobytes() for i in range(64)}
    assert len(found) == 1
    again = torch.linalg.lstsq(path, value).solution.T
    assert torch.allclose(response_of(path, value), again, atol=1e-5)
