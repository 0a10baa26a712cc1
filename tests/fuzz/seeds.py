"""Sound files and texts of every kind, made by code, to be bent."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from PIL import Image

import moft
from moft.feature.reference import FromClip
from moft.feature.statistics import Statistics
from moft.field.field import Field
from moft.interpreter.readout import Readout
from moft.media.tensors import save_tensors
from moft.media.writing import write_video
from moft.request.along import Along
from moft.request.drag import Drag
from moft.request.like import Like
from moft.request.motion import Motion
from moft.runs.job import Job, Scene
from moft.steering.settings import Settings
from moft.types import ClipSize

Seed = tuple[str, bytes]  # a name, or where in its folder it lies, and what is in it

KEPT = Path(__file__).parents[1] / "kept"
BENCHMARKS = Path(__file__).parents[2] / "docs" / "benchmarks"


# ---------------------------------------------------------------- clips and pictures


def frames(count: int = 4, height: int = 24, width: int = 32) -> np.ndarray:
    """A clip with something in it, uint8 (f h w 3)."""
    t, y, x = np.meshgrid(np.arange(count), np.arange(height), np.arange(width), indexing="ij")
    return np.stack((120 + 100 * np.sin(x / 5 + t), 9 * y, 250 - 7 * x), -1).clip(0, 255).astype(np.uint8)


def movie(path: Path, codec: str, pixels: str, **tags: str) -> Path:
    """A clip of four frames, muxed by PyAV alone."""
    with av.open(str(path), "w") as container:
        container.metadata.update(tags)
        stream: Any = container.add_stream(codec, 8)
        stream.width, stream.height, stream.pix_fmt = 32, 24, pixels
        if codec == "libvpx":  # transparent frames allow no others ahead of them
            stream.options = {"auto-alt-ref": "0"}
        for frame in frames():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def clips(folder: Path, kinds: dict[str, tuple[tuple[str, str], ...]]) -> list[Seed]:
    """Clips by their endings, each with codecs and kinds of pixel; those that moft writes with a recipe."""
    made = []
    for ending, ways in kinds.items():
        for codec, pixels in ways:
            path = folder / f"{codec}-{pixels}.{ending}"
            if codec == "moft":
                write_video(path, frames(), metadata={"comment": json.dumps(recipe())})
            elif codec in av.codecs_available:
                movie(path, codec, pixels, comment="made by another")
            else:
                continue
            made.append((f"a.{ending}", path.read_bytes()))
    return made


def image(mode: str = "RGB", kind: str = "PNG", **options: Any) -> Seed:
    """A picture of a mode of PIL."""
    picture = Image.fromarray(frames(1)[0])
    picture = picture.convert("L").point(lambda v: v * 200, "I").convert(mode) if "I" in mode else picture
    buffer = BytesIO()
    picture.convert(mode).save(buffer, kind, **options)
    return f"a.{kind.lower()}", buffer.getvalue()


def animated(kind: str, **options: Any) -> Seed:
    """Four frames as a gif, webp or png."""
    first, *rest = [Image.fromarray(frame) for frame in frames()]
    buffer = BytesIO()
    first.save(buffer, kind, save_all=True, append_images=rest, duration=[40, 80, 40, 120], **options)
    return f"a.{kind.lower()}", buffer.getvalue()


def exif(orientation: int) -> Image.Exif:
    """What a camera says of how it was held."""
    said = Image.Exif()
    said[0x0112], said[0x010F] = orientation, "a camera"
    return said


def mask(mode: str, low: int = 0, high: int = 255) -> Seed:
    """A mask of 64 x 64 px, its left half chosen."""
    picture = Image.fromarray(np.repeat([[high] * 32 + [low] * 32], 64, 0).astype(np.uint8))
    if mode == "P":
        picture.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0] + [0] * 759)
    elif mode == "LA":
        picture = Image.merge("LA", (Image.new("L", (64, 64), 255), picture))
    elif mode != "L":
        picture = picture.convert(mode)
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return "mask.png", buffer.getvalue()


# ---------------------------------------------------------------- JSON

BOX = "box:0,0,50%,100%"
MOTIONS = (
    Motion("left"),
    Motion("zoom in", speed="2%", region=BOX, ease="in-out", span=(0.25, 0.75)),
    Motion(path=((0, 0), (-0.3, 0.1), (0, 0)), strength=2.0, region="rest"),
    Motion(135.0, speed="1.5px", steps=(0.0, 0.5)),
)


def recipe(*requests: Any) -> dict[str, Any]:
    """A recipe as a clip carries it, of what names no file."""
    digest = "sha256:" + "0" * 64
    return {
        "recipe": 3,
        "model": "miniature",
        "model_digest": digest,
        **Job(Scene("a red ball", ClipSize(8, 64, 64), seed=3), requests or (MOTIONS[0],)).to_json(),
        "channels": None,
        "channels_digest": digest,
        "inputs": {},
        "versions": {"moft": "0.1.0"},
        "threads": 1,
        "frames_digest": digest,
    }


def recipes() -> list[Seed]:
    """Of every kind of request, and the records of older versions."""
    followed = recipe(Like("clip.mp4", region=BOX, like_region="mask.png", like_frames=(0, 8)))
    followed["inputs"] = dict.fromkeys(("clip.mp4", "mask.png"), "sha256:" + "1" * 64)
    made = [recipe(MOTIONS[1], MOTIONS[2]), recipe(Drag((((24, 32), (38, 32)), ((52, 10),)))), followed]
    old = [path.read_bytes() for path in sorted(KEPT.glob("*.json"))]
    return [("a.json", json.dumps(one).encode()) for one in (recipe(), *made)] + [("a.json", o) for o in old]


def jobs() -> list[Seed]:
    """Jobs of every kind of request."""
    scene = Scene("a red ball", negative_prompt="blue", steps=8)
    made = [Job(scene, MOTIONS[:1]), Job(scene, MOTIONS[1:3], Settings(step_size=0.2), retries=2)]
    made += [Job(scene, (Drag((((1, 2), (3, 4)),), radius=2),)), Job(scene, (Like("clip.mp4"),))]
    return [("job.json", json.dumps(job.to_json()).encode()) for job in made]


def request_files() -> list[Seed]:
    """Files for --requests."""
    lists = [MOTIONS[:1], MOTIONS[1:3], (Like("clip.mp4", strength=0.5), Along("a.npz", region=BOX))]
    return [("requests.json", json.dumps([r.to_json() for r in some]).encode()) for some in lists]


def benches() -> list[Seed]:
    """What `moft bench` stores."""
    return [(path.name, path.read_bytes()) for path in sorted(BENCHMARKS.glob("*.json"))]


# ---------------------------------------------------------------- safetensors


def stored(save: Callable[[Path], object], folder: Path) -> Seed:
    """What something writes."""
    path = folder / "stored.safetensors"
    save(path)
    return "a.safetensors", path.read_bytes()


def statistics(folder: Path) -> list[Seed]:
    """Motion channels."""
    draw = torch.Generator().manual_seed(0)
    low, high = torch.zeros(5), torch.ones(5)
    found = Statistics(
        torch.arange(5) * 3,
        torch.randn(5, 2, generator=draw),
        low,
        high,
        "up_blocks.1",
        300,
        "m",
        {"frames": 8},
    )
    shipped = Path(moft.miniature_path(), "motion_channels.safetensors")
    return [stored(found.save, folder), ("a.safetensors", shipped.read_bytes())]


def references(folder: Path) -> list[Seed]:
    """Features of clips to follow."""
    made = [torch.ones(8, 5, *cells) for cells in ((1, 1), (4, 4))]
    return [stored(FromClip(one, torch.arange(5), "up_blocks.1", 1.0, 300).save, folder) for one in made]


def fields(folder: Path) -> list[Seed]:
    """Fields, tracks and dense flow in every kind of file that is read."""
    at = 20 + np.arange(24.0).reshape(4, 3, 2)
    npz, npy, flow = BytesIO(), BytesIO(), BytesIO()
    np.savez_compressed(npz, tracks=at, visibility=np.ones((4, 3), bool))
    np.save(npy, at.astype(np.float32))
    np.save(flow, np.ones((3, 6, 8, 2), np.float32))
    paths = [[{"x": x, "y": y} for x, y in path] for path in at.swapaxes(0, 1).tolist()]
    rows = [f"{i},{j},{x},{y},1" for j, places in enumerate(at.tolist()) for i, (x, y) in enumerate(places)]
    return [
        stored(Field.of_steps(np.ones((3, 4, 4, 2)) / 9).save, folder),
        ("a.npz", npz.getvalue()),
        ("a.npy", npy.getvalue()),
        ("flow.npy", flow.getvalue()),
        ("a.json", json.dumps(paths).encode()),
        ("a.csv", "\n".join(["point,frame,x,y,visible", *rows]).encode()),
    ]


def readouts(folder: Path) -> list[Seed]:
    """Read-outs."""
    size = 4 * 5
    found = Readout(torch.ones(2, size, 8), torch.ones(2, 8), torch.arange(5), "up_blocks.1", 300, 4, {})
    return [stored(found.save, folder)]


def readings(folder: Path) -> list[Seed]:
    """Heat maps that a report keeps."""
    maps = {"moft": torch.ones(4, 8, 8), "ccr": torch.ones(4, 8, 8), "flow": torch.ones(4, 64, 64, 2)}
    notes = {"kind": "moft explain clip", "clip": "a", "point": [1, 2, 0]}
    return [stored(lambda path: save_tensors(path, maps, notes), folder)]


# ---------------------------------------------------------------- folders


def model_files() -> list[Seed]:
    """The miniature's, each to be bent by itself; large weights only now and then."""
    root = Path(moft.miniature_path())
    return [(p.relative_to(root).as_posix(), p.read_bytes()) for p in sorted(root.rglob("*")) if p.is_file()]


def network_files(folder: Path) -> list[Seed]:
    """A small vision transformer of transformers, as an encoder of frames."""
    from transformers import ViTConfig, ViTImageProcessorPil, ViTModel

    torch.manual_seed(0)
    shape = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    ViTModel(ViTConfig(**shape, image_size=16, patch_size=8)).save_pretrained(folder)
    ViTImageProcessorPil(size={"height": 16, "width": 16}).save_pretrained(folder)
    return [(p.name, p.read_bytes()) for p in sorted(folder.iterdir()) if p.is_file()]


# ---------------------------------------------------------------- texts

TEXTS = {
    "motions": ("left", "up-right 2px", "zoom in 3%", "still", "135", "down 0.02", "Zoom_Out  1.5px"),
    "regions": (BOX, "box:16,16,32px,32", "polygon:0,0;32,0;50%,50%", "rest", "mask.png", "masks/"),
    "points": ("24,32:38,32", "52,10", "1,2:3,4:5,6", "0.5,0.5:0.7,0.5"),
    "paths": ("0,0 -0.3,0 0,0", "0,0 0.1,0.1"),
    "speeds": ("1.5px", "2%", "0.05"),
    "spans": ("0.25,0.75", "25%,75%"),
    "like frames": ("0:8", "4:20"),
}


def texts(name: str) -> list[Seed]:
    """Texts of an option."""
    return [("text", text.encode()) for text in TEXTS[name]]
