"""Every video pipeline that diffusers exports is served, or refused by name with the reason."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import diffusers
import pytest
from tiny import tiny

import moft
from moft.errors import BackboneError
from moft.models.families import FAMILIES, REFUSED
from moft.steering.entry import steer

SOURCE = Path(diffusers.__file__).parent
NO_VIDEO = {  # pictures and music, whose programs count frames of some kind too
    "JoyImageEditPipeline",
    "MiniMaxMusic3ModularPipeline",
    "ModularPipeline",
    "ZImageModularPipeline",
}
SERVED = {name for family in FAMILIES for name in family.pipelines}


def exported() -> set[str]:
    """The pipelines of diffusers that take or give frames, by their source; nothing is imported for it."""
    names = {name for part in diffusers._import_structure.values() for name in part}
    found = set()
    for path in [*SOURCE.glob("pipelines/**/*.py"), *SOURCE.glob("modular_pipelines/**/*.py")]:
        text = path.read_text()
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef) and node.name in names and node.name.endswith("Pipeline"):
                own = ast.get_source_segment(text, node) or ""
                if "modular_pipelines" in path.parts:  # its blocks stand beside it
                    own = "".join(other.read_text() for other in path.parent.glob("*.py"))
                if re.search(r"frames=|\b(num_frames|video_length)\b", own):
                    found.add(node.name)
    return found - NO_VIDEO


def test_every_video_pipeline_of_diffusers_is_served_or_refused_by_name() -> None:
    """One that is new: serve it (docs/adding-a-backbone.md), or give the reason in families/refused.py."""
    assert not exported() - SERVED - REFUSED.keys()


def test_none_is_both_or_nowhere_in_the_newest_diffusers() -> None:
    assert not SERVED & REFUSED.keys()
    if tuple(map(int, diffusers.__version__.split(".")[:2])) >= (0, 42):
        assert SERVED | REFUSED.keys() == exported()
    assert len(SERVED) >= 35


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_refused_pipeline_says_why_and_what_to_do(name: str) -> None:
    pipe = type(name, (), {})()
    with pytest.raises(BackboneError, match=f"{name} cannot be steered: .*adding-a-backbone"):
        with steer(pipe, moft.Motion("left")):
            pass


def test_the_advice_against_perturbed_attention_works() -> None:
    from diffusers import AnimateDiffPAGPipeline, AnimateDiffPipeline

    pipe = AnimateDiffPAGPipeline(**tiny("animatediff").components)
    with pytest.raises(BackboneError, match=r"AnimateDiffPipeline.from_pipe\(pipe\)"):
        with steer(pipe, moft.Motion("left")):
            pass
    assert type(AnimateDiffPipeline.from_pipe(pipe)).__name__ in SERVED
