"""Every node is a plain class that says what it takes and gives; the example workflows fit them."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

import moft

FOLDER = Path(__file__).parents[2] / "comfy"
API = sorted((FOLDER / "example_workflows" / "api").glob("*.json"))
OWN = {"MOFT_MODEL", "MOFT_MOTION", "MOFT_SETTINGS", "MOFT_RUN", "MOFT_HEAT"}
CORE = {"IMAGE", "MASK", "TRACKS", "STRING", "INT", "FLOAT", "BOOLEAN"}
CORE_NODES = {  # of ComfyUI, what they give
    "SaveImage": (),
    "PreviewImage": (),
    "PreviewAny": (),
    "SaveVideo": (),
    "CreateVideo": ("VIDEO",),
    "SolidMask": ("MASK",),
    "MaskComposite": ("MASK",),
    "MaskToImage": ("IMAGE",),
}
IMPORTED = {"moft", "numpy", "torch", "PIL"}  # beside what comes with Python


def inputs_of(kind: Any) -> dict[str, Any]:
    return {key: told for group in kind.INPUT_TYPES().values() for key, told in group.items()}


def test_every_node_says_what_it_is(nodes: Any) -> None:
    assert nodes.NODE_CLASS_MAPPINGS.keys() == nodes.NODE_DISPLAY_NAME_MAPPINGS.keys()
    for name, kind in nodes.NODE_CLASS_MAPPINGS.items():
        assert kind.DESCRIPTION and kind.CATEGORY == "moft" and callable(getattr(kind, kind.FUNCTION)), name
        assert len(kind.RETURN_TYPES) == len(kind.RETURN_NAMES) == len(kind.OUTPUT_TOOLTIPS), name
        assert set(kind.RETURN_TYPES) <= OWN | CORE, name
        for key, (sort, about) in inputs_of(kind).items():
            assert about["tooltip"].endswith((".", ")")), (name, key)
            assert isinstance(sort, list) or sort == "*" or sort in OWN | CORE, (name, key)
            if "min" in about:
                assert about["min"] <= about["default"] <= about["max"], (name, key)
            if isinstance(sort, list):
                assert about["default"] in sort, (name, key)


def test_every_kind_of_value_has_a_node_that_shows_it(nodes: Any) -> None:
    shown = {
        sort
        for kind in nodes.NODE_CLASS_MAPPINGS.values()
        if kind.RETURN_TYPES == ("IMAGE",)
        for sort, _ in inputs_of(kind).values()
        if isinstance(sort, str)
    }
    assert {"MOFT_MOTION", "MOFT_RUN", "MOFT_HEAT", "TRACKS"} <= shown


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_nodes_import_nothing_of_comfyui(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [str(node.module)]
        for name in names:
            top = name.partition(".")[0]
            assert top in IMPORTED or top in __import__("sys").stdlib_module_names, (path.name, name)


def test_inputs_left_alone_are_mofts_own_defaults(call: Any) -> None:
    assert call("MoftSettings") == (moft.Settings(),)
    assert call("MoftMotionFromDirection") == ((moft.Motion("left"),),)


def test_a_size_of_nought_is_said_and_minus_one_is_not(call: Any) -> None:
    (settings,) = call("MoftSettings", step_size=0.0, warp_noise=0.0)
    assert settings == moft.Settings(step_size=0, warp_noise=0)
    assert call("MoftSettings", step_size=-1.0, warp_noise=-1.0, anew=0) == (moft.Settings(),)


def test_inputs_become_the_fields_that_they_are_made_of(call: Any) -> None:
    (settings,) = call("MoftSettings", steps="0.1, 0.5", loss="cosine", keep_spread="no", clip_frames=4)
    assert settings == moft.Settings(steps=(0.1, 0.5), loss="cosine", keep_spread=False, clip_frames=4)
    ((motion,),) = call("MoftMotionFromDirection", degrees=30.0, speed="2%", ease="in", span="0,0.5")
    assert motion == moft.Motion(30, speed="2%", ease="in", span=(0, 0.5))
    with pytest.raises(moft.RequestError, match="steps"):
        call("MoftSettings", steps="early")


@pytest.mark.parametrize("path", API, ids=lambda path: path.stem)
def test_a_workflow_fits_the_nodes(nodes: Any, path: Path) -> None:
    workflow = json.loads(path.read_text())
    for number, node in workflow.items():
        kind = nodes.NODE_CLASS_MAPPINGS.get(node["class_type"])
        if kind is None:
            assert node["class_type"] in CORE_NODES
            continue
        known = inputs_of(kind)
        assert node["inputs"].keys() <= known.keys(), number
        assert set(kind.INPUT_TYPES()["required"]) <= node["inputs"].keys(), number
        for key, value in node["inputs"].items():
            sort, about = known[key]
            if isinstance(value, list):
                assert given(nodes, workflow, value) == sort, (number, key)
            elif isinstance(sort, list):
                assert value in sort, (number, key)
            elif "min" in about:
                assert about["min"] <= value <= about["max"], (number, key)


def given(nodes: Any, workflow: Any, link: list[Any]) -> str:
    """The type of what a link comes from."""
    kind = workflow[link[0]]["class_type"]
    own = nodes.NODE_CLASS_MAPPINGS.get(kind)
    return (CORE_NODES[kind] if own is None else own.RETURN_TYPES)[link[1]]


def test_every_node_but_one_is_in_a_workflow(nodes: Any) -> None:
    used = {node["class_type"] for path in API for node in json.loads(path.read_text()).values()}
    assert nodes.NODE_CLASS_MAPPINGS.keys() - used == {"MoftUsePipeline"}


@pytest.mark.parametrize("path", API, ids=lambda path: path.stem)
def test_a_workflow_says_the_same_to_the_editor(path: Path) -> None:
    drawn = json.loads((path.parents[1] / path.name).read_text())
    links = {number: [str(source), slot] for number, source, slot, *_ in drawn["links"]}
    said = {}
    for node in drawn["nodes"]:
        values = iter(node.get("widgets_values", []))
        said[str(node["id"])] = found = {"class_type": node["type"], "inputs": {}}
        for one in node["inputs"]:
            name, value = one["name"], next(values) if "widget" in one else None
            if name == "seed":
                assert next(values) == "fixed"  # not another one with each run
            if one["link"] is not None or value is not None:
                found["inputs"][name] = value if one["link"] is None else links[one["link"]]
    asked = json.loads(path.read_text())
    assert said == {
        number: {key: node[key] for key in ("class_type", "inputs")} for number, node in asked.items()
    }
