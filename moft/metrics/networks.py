"""Networks that look at frames, for VBench's scores: DINO, CLIP and MUSIQ, from files that you have.

None is ever fetched, and none is unpickled. VBench uses `facebook/dino-vitb16` for subject consistency,
`openai/clip-vit-base-patch32` for that of the background, and MUSIQ trained on SPAQ for imaging quality.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from moft.errors import RequestError
from moft.metrics.quality import SHARPNESS, Encoder, Judge
from moft.optional import check_importable

if TYPE_CHECKING:
    from moft.types import Floats, Video

_BATCH = 8  # frames at a time, which bounds memory
_LONGEST = 512  # px, VBench's for MUSIQ
MUSIQ_SPAQ = "musiq_spaq_ckpt-358bb6af.pth"  # as pyiqa's authors call the weights that VBench takes


def vision(folder: str | Path) -> Encoder:
    """A vision transformer or CLIP of `transformers` as an encoder: its image embedding, else the output at
    its class token.

    folder: with config.json, preprocessor_config.json and model.safetensors, as `save_pretrained` writes
        them.
    Frames are prepared as these say; VBench's own preparation resizes a little otherwise.
    Raises RequestError for a folder that holds no such model, and where transformers lacks what it needs
    (older ones: torchvision).
    """
    from transformers import AutoImageProcessor, AutoModel

    where = Path(folder)
    try:
        if not where.is_dir():
            raise OSError("no such folder")
        own: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        model = AutoModel.from_pretrained(where, use_safetensors=True, **own).eval()
        prepare = AutoImageProcessor.from_pretrained(where, backend="pil", **own)
    except Exception as error:  # as with weights: what a bent configuration ends in is without end
        raise RequestError(
            "expected a folder with config.json, preprocessor_config.json and model.safetensors of a vision "
            f"model; {where}: {_brief(error)}; "
            "save one with save_pretrained, facebook/dino-vitb16 for instance"
        ) from error

    def codes(video: Video) -> Floats:
        def embedded(frames: Video) -> Tensor:
            pixels = prepare(list(frames), return_tensors="pt")["pixel_values"]
            if hasattr(model, "get_image_features"):
                features = model.get_image_features(pixel_values=pixels)
                return features if isinstance(features, Tensor) else features.pooler_output
            return model(pixel_values=pixels).last_hidden_state[:, 0]

        return _all(embedded, video)

    return Encoder(f"{type(model).__name__} of {where.name}", codes)


def musiq(weights: str | Path) -> Judge:
    """MUSIQ (Ke et al., ICCV 2021) by `pyiqa`, as VBench rates imaging quality: SPAQ's 0…100 over 100, each
    frame at most 512 px along its longer side.

    weights: `MUSIQ_SPAQ` of pyiqa's model zoo (chaofengc/IQA-PyTorch-Weights), as it is or as safetensors.
    Raises RequestError for another file; MoftError where `pyiqa` is not installed (its licence forbids
    commercial use) or cannot be imported.
    """
    check_importable("pyiqa.archs.musiq_arch")
    from pyiqa.archs.musiq_arch import MUSIQ

    model = MUSIQ(pretrained=False).eval()  # True would fetch weights and unpickle them
    where = Path(weights)
    try:
        model.load_state_dict(_tensors(where))
    except Exception as error:  # what readers of weights raise for a file of another kind is without end
        raise RequestError(
            f"expected weights of MUSIQ, {MUSIQ_SPAQ} or the same as safetensors; {where}: {_brief(error)}; "
            "have it from huggingface.co/chaofengc/IQA-PyTorch-Weights"
        ) from error

    def rated(frames: Video) -> Tensor:
        return model(_shrunk(frames) / 255).flatten() / 100

    return Judge(f"MUSIQ of {where.name}", lambda video: _all(rated, video))


def judge_of(weights: str | Path | None) -> Judge:
    """MUSIQ with these weights; without, what needs none. Raises RequestError as `musiq` does."""
    return musiq(weights) if weights else SHARPNESS


def _tensors(path: Path) -> dict[str, Tensor]:
    """Named tensors of a safetensors file, or of a PyTorch file that holds nothing else."""
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:  # torch's own message advises to run what is in the file
        raise ValueError("it holds other things than tensors, and is not opened") from error
    return {name.removeprefix("module."): value for name, value in tensors.items()}


def _shrunk(frames: Video) -> Tensor:
    """uint8 (f h w 3) -> (f 3 h w) in 0…255, whole numbers, the longer side at most `_LONGEST` px, as
    torchvision resizes."""
    images = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float()
    height, width = images.shape[2:]
    longer = max(height, width)
    if longer <= _LONGEST:
        return images
    size = (int(_LONGEST / longer * height), int(_LONGEST / longer * width))
    return F.interpolate(images, size, mode="bilinear", antialias=True).round().clamp(0, 255)


def _brief(error: Exception) -> str:
    """The first sentence of what went wrong."""
    return (str(error).strip().splitlines() or [""])[0].split(". ")[0].rstrip(".;:") or type(error).__name__


def _all(look: Callable[[Video], Tensor], video: Video) -> Floats:
    """What a network says of all frames, a few at a time."""

    def parts() -> Iterator[Tensor]:
        for start in range(0, len(video), _BATCH):
            yield look(video[start : start + _BATCH]).float().cpu()

    with torch.no_grad():
        return torch.cat(list(parts())).double().numpy()
