"""What a region's text says; what is drawn from it is in test_mask.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from moft.errors import MediaError
from moft.media.region_text import mask_files, masks_in, parse_region, px, region_file


def test_only_files_are_files() -> None:
    assert [region_file(text) for text in ("m.png", "./box:1", "masks/")] == ["m.png", "./box:1", "masks/"]
    assert [region_file(text) for text in (None, "rest", "box:0,0,1,1", "polygon:0,0;1,0;1,1")] == [None] * 4


@pytest.mark.parametrize(
    ("text", "kind", "points"),
    [
        ("box:1,2px,25%, 4 ", "box", [((1, ""), (2, "px")), ((25, "%"), (4, ""))]),
        ("polygon:0,0;.5,0;0,+7.", "polygon", [((0, ""), (0, "")), ((0.5, ""), (0, "")), ((0, ""), (7, ""))]),
        (" rest ", "rest", []),
        ("box.png", "file", []),
        ("./box:1,2,3,4", "file", []),
    ],
)
def test_a_text_says_a_kind_and_lengths_with_their_units(text: str, kind: str, points: list[Any]) -> None:
    assert parse_region(text) == (kind, points)


def test_percent_is_of_the_side_along_which_it_goes() -> None:
    assert [px((25, "%"), 80), px((25, "px"), 80), px((25, ""), 80)] == [20, 25, 25]


def test_masks_are_in_the_order_of_their_numbers_and_hidden_files_are_none(tmp_path: Path) -> None:
    for name in ("m10.png", "m9.png", ".m1.png"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    assert (
        mask_files(str(tmp_path)) == masks_in(tmp_path) == [str(tmp_path / n) for n in ("m9.png", "m10.png")]
    )
    with pytest.raises(MediaError, match="check the path"):
        masks_in(tmp_path / "none")
