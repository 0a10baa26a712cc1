"""`python -m comfyui`: every example workflow on a real server, its frames against those of `moft.run`."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import moft
from comfyui.server import NODES, Server, messages, serving
from comfyui.wanted import runs

EXAMPLES = NODES / "example_workflows"
Workflow = dict[str, dict[str, Any]]


def main() -> int:
    """Status 0 if everything is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="folder, to be made, for the frames that came out")
    keep = parser.parse_args().keep
    workflows = {path.stem: json.loads(path.read_text()) for path in sorted(EXAMPLES.glob("api/*.json"))}
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "comfyui"
        with serving(home) as server:
            faults += check_nodes(server)
            for name, workflow in workflows.items():
                faults += check_workflow(server, name, workflow, Path(folder))
            faults += check_refusal(server, workflows["direction"])
            faults += check_cancel(server, workflows["direction"])
            if keep:
                shutil.copytree(home, keep, ignore=shutil.ignore_patterns("custom_nodes"))
    for fault in faults:
        print(f"FAULT  {fault}")
    print(f"{len(workflows)} workflows, {len(faults)} faults")
    return 1 if faults else 0


def check_nodes(server: Server) -> list[str]:
    """Whether the server has every node, with its help, and offers the examples."""
    from_here = [name for name in server.json("/object_info") if name.startswith("Moft")]
    print(f"nodes: {len(from_here)}")
    offered = set(server.json("/workflow_templates").get("moft", []))
    examples = {path.stem for path in EXAMPLES.glob("*.json")}
    faults = [] if from_here else [f"no node was taken; see {server.log.read_text()[-2000:]}"]
    return faults if examples <= offered else [*faults, f"offered {offered} of the examples {examples}"]


def check_workflow(server: Server, name: str, workflow: Workflow, folder: Path) -> list[str]:
    """Whether a workflow runs, and its frames are those of the same job."""
    started = time.monotonic()
    ended = server.ended(server.begun(workflow))
    seconds = time.monotonic() - started
    if "execution_error" in messages(ended):
        error = messages(ended)["execution_error"]
        return [f"{name}, {error['node_type']}: {error['exception_type']}: {error['exception_message']}"]
    made = server.pictures(ended, node_of(workflow, "SaveImage"))
    (folder / name).mkdir()
    run = runs({name: workflow} | tracks_of(), folder / name)[name](moft.load())
    same = np.array_equal(made, run.steered)
    told = {True: "followed", False: "missed", None: "cannot be told"}[run.followed]
    print(
        f"{name}: {len(made)} frames {'the same' if same else 'others'}, {told}, {seconds:.0f} s", flush=True
    )
    faults = [] if same else [f"{name}: frames differ from those of moft.run"]
    for node in nodes_of(workflow, "PreviewImage"):
        shown = server.pictures(ended, node)
        if np.ptp(shown) < 32:
            faults.append(f"{name}: {workflow[node]['_meta']['title']} shows nothing")
    compared = [
        node for node in nodes_of(workflow, "PreviewImage") if is_of(workflow, node, "MoftVisualizeRun")
    ]
    if any(not np.array_equal(server.pictures(ended, node), run.comparison()) for node in compared):
        faults.append(f"{name}: the comparison is another")
    return faults


def check_refusal(server: Server, workflow: Workflow) -> list[str]:
    """Whether a wrong input is told in moft's own line."""
    wrong = json.loads(json.dumps(workflow))
    wrong[node_of(wrong, "MoftMotionFromDirection")]["inputs"]["speed"] = "left 2"
    told = messages(server.ended(server.begun(wrong))).get("execution_error", {})
    print(f"refused: {told.get('exception_type')}: {told.get('exception_message', '').strip()}")
    return [] if told.get("exception_type") == "moft.errors.RequestError" else [f"not refused: {told}"]


def check_cancel(server: Server, workflow: Workflow) -> list[str]:
    """Whether a run can be cancelled."""
    other = json.loads(json.dumps(workflow))
    other[node_of(other, "MoftSteer")]["inputs"] |= {"seed": 1, "steps": 500}
    started, name = time.monotonic(), server.begun(other)
    time.sleep(4)
    server.post("/interrupt", {})
    cancelled = "execution_interrupted" in messages(server.ended(name))
    print(f"cancelled after {time.monotonic() - started:.0f} s: {'yes' if cancelled else 'no'}")
    return [] if cancelled else ["a run was not cancelled"]


def tracks_of() -> dict[str, Workflow]:
    """The workflow that has tracks, which jobs take from it."""
    return {"tracks": json.loads((EXAMPLES / "api" / "tracks.json").read_text())}


def nodes_of(workflow: Workflow, kind: str) -> list[str]:
    """The nodes of a kind, by number."""
    return [number for number, node in workflow.items() if node["class_type"] == kind]


def node_of(workflow: Workflow, kind: str) -> str:
    """The first of them."""
    return nodes_of(workflow, kind)[0]


def is_of(workflow: Workflow, node: str, kind: str) -> bool:
    """Whether a node shows what one of a kind gives."""
    return workflow[workflow[node]["inputs"]["images"][0]]["class_type"] == kind


if __name__ == "__main__":
    sys.exit(main())
