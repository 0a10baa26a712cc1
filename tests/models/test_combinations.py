"""Steering together with other editing: as alone, or refused with a remedy, as the guide's table says."""

from __future__ import annotations

import pytest
import torch
from together import ALL, GUIDE, Together, called, compiled, ending, fresh, fused, lora, rows, steered, table

# Tracing a UNet takes four minutes: python tests/together.py tries that, and here Wan is compiled alone.
EACH = [
    pytest.param(one, name, id=f"{one.what}, {name}")
    for one in ALL
    for name in one.on
    if (one.put, name) != (compiled, "animatediff")
]


@pytest.fixture(scope="module")
def told() -> dict[tuple[str, str], str]:
    return rows(GUIDE.read_text())


@pytest.mark.parametrize(("one", "name"), EACH)
def test_it_ends_as_the_guide_says(one: Together, name: str, told: dict[tuple[str, str], str]) -> None:
    if one.absent:
        pytest.skip(f"{one.needs} is not installed; it is no dependency")
    assert told[one.what, called(name)] == ending(one, name)


def test_the_guide_has_the_rows_of_these_alone(told: dict[tuple[str, str], str]) -> None:
    assert told.keys() == {(one.what, called(name)) for one in ALL for name in one.on}
    assert table(told) in GUIDE.read_text()


@pytest.mark.parametrize("name", ["animatediff", "wan"])
def test_a_lora_steers_alike_fused_or_not(name: str) -> None:
    one, other = (steered(put(fresh(name)), name)[0] for put in (lora, fused))
    torch.testing.assert_close(one, other, atol=1e-2, rtol=1e-2)
