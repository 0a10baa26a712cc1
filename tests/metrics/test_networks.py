"""Networks that score frames: read from files alone, never unpickled, and what they say is what the network
says."""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import save_file
from torch import Tensor, nn

from moft.errors import MoftError, RequestError
from moft.metrics.networks import MUSIQ_SPAQ, musiq, vision
from moft.metrics.quality import consistency, imaging_quality

RNG = np.random.default_rng(3)
SMALL: dict[str, Any] = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
SEES = dict(SMALL, image_size=32, patch_size=8)


def video(frames: int = 10, height: int = 40, width: int = 60) -> np.ndarray:
    return RNG.integers(0, 256, (frames, height, width, 3), np.uint8)


# ---------------------------------------------------------------- vision


def saved(kind: str, folder: Path) -> Any:
    """A tiny model with random weights, and what prepares its pictures, in this folder."""
    torch.manual_seed(0)
    if kind == "clip":
        text = dict(SMALL, vocab_size=50, bos_token_id=1, eos_token_id=2)
        model: Any = transformers.CLIPModel(
            transformers.CLIPConfig(text_config=text, vision_config=SEES, projection_dim=8)
        )
    else:
        model = transformers.ViTModel(transformers.ViTConfig(**SEES))
    model.save_pretrained(folder)
    transformers.ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    return model.eval()


def prepared(frames: np.ndarray) -> Tensor:
    """As `ViTImageProcessor` does: to the size it names, and to -1…1."""
    from PIL import Image

    small = np.stack(
        [np.asarray(Image.fromarray(frame).resize((32, 32), Image.Resampling.BILINEAR)) for frame in frames]
    )
    return torch.from_numpy(small).permute(0, 3, 1, 2).float() / 127.5 - 1


@pytest.mark.parametrize("kind", ["vit", "clip"])
def test_an_encoder_says_what_the_model_in_the_folder_says(kind: str, tmp_path: Path) -> None:
    try:
        transformers.AutoImageProcessor.from_pretrained  # noqa: B018
    except ImportError:
        pytest.skip("this transformers wants torchvision to prepare frames")
    model, clip = saved(kind, tmp_path / kind), video()
    encoder = vision(tmp_path / kind)
    with torch.no_grad():
        pixels = prepared(clip)
        if kind == "clip":
            wanted = model.visual_projection(model.vision_model(pixel_values=pixels).pooler_output)
        else:
            wanted = model(pixel_values=pixels).last_hidden_state[:, 0]
    np.testing.assert_allclose(encoder.encode(clip), wanted, atol=2e-3)
    assert encoder.name == f"{type(model).__name__} of {kind}"
    assert consistency(np.repeat(clip[:1], 3, axis=0), encoder) == pytest.approx(1)
    assert 0 <= consistency(clip, encoder) < 0.9999


def test_what_transformers_lacks_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved("vit", tmp_path / "vit")

    def lacking(*_: Any, **__: Any) -> None:
        raise ImportError(
            "\nAutoImageProcessor requires the Torchvision library but it was not found. See\nthe page"
        )

    monkeypatch.setattr("transformers.AutoImageProcessor", SimpleNamespace(from_pretrained=lacking))
    with pytest.raises(RequestError, match="requires the Torchvision library") as caught:
        vision(tmp_path / "vit")
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_vision_model_is_refused(tmp_path: Path) -> None:
    saved("vit", tmp_path / "vit")
    (tmp_path / "vit" / "model.safetensors").rename(tmp_path / "vit" / "model.bin")
    (tmp_path / "empty").mkdir()
    for name in ("vit", "empty", "nothing"):
        with pytest.raises(
            RequestError, match=f"expected a folder with config.json.*{name}: .*save_pretrained"
        ):
            vision(tmp_path / name)


# ---------------------------------------------------------------- MUSIQ


class Brightness(nn.Module):
    """Stands in for pyiqa's MUSIQ: same arguments, rates 0…100 by a weighted mean."""

    def __init__(self, pretrained: bool = True) -> None:
        super().__init__()
        assert not pretrained, "that would fetch weights"
        self.weight = nn.Parameter(torch.zeros(3))
        self.seen: list[tuple[int, ...]] = []

    def forward(self, images: Tensor) -> Tensor:
        assert not self.training and not torch.is_grad_enabled() and 0 <= images.min() <= images.max() <= 1
        self.seen.append(tuple(images.shape))
        return 100 * (images * self.weight[:, None, None]).sum(1).mean((1, 2))[:, None]


@pytest.fixture
def judges(monkeypatch: pytest.MonkeyPatch) -> list[Brightness]:
    """`pyiqa` with the stand-in; those that were made."""
    made: list[Brightness] = []
    package, archs, home = (
        ModuleType("pyiqa"),
        ModuleType("pyiqa.archs"),
        ModuleType("pyiqa.archs.musiq_arch"),
    )

    def make(**kwargs: Any) -> Brightness:
        made.append(Brightness(**kwargs))
        return made[-1]

    package.__spec__ = ModuleSpec("pyiqa", None)
    home.MUSIQ = make  # type: ignore[attr-defined]
    for module in (package, archs, home):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return made


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_musiq_rates_each_frame_with_the_weights_of_a_file(
    name: str, tmp_path: Path, judges: list[Brightness]
) -> None:
    weights = {"weight": torch.tensor([0.5, 0.3, 0.2])}
    if name.endswith(".pth"):
        torch.save({f"module.{key}": value for key, value in weights.items()}, tmp_path / name)
    else:
        save_file(weights, tmp_path / name)
    clip = video(frames=20)
    judge = musiq(tmp_path / name)
    wanted = (clip / 255 * [0.5, 0.3, 0.2]).sum(-1).mean((1, 2))
    np.testing.assert_allclose(judge.rate(clip), wanted, rtol=1e-5)
    assert imaging_quality(clip, judge) == pytest.approx(wanted.mean(), rel=1e-5)
    assert judge.name == f"MUSIQ of {name}"
    assert max(shape[0] for shape in judges[0].seen) <= 8  # not the whole of a long clip at once


@pytest.mark.parametrize(
    ("size", "seen"),
    [((40, 60), (40, 60)), ((300, 600), (256, 512)), ((1024, 512), (512, 256)), ((512, 512), (512, 512))],
)
def test_musiq_sees_at_most_512_px(
    size: tuple[int, int], seen: tuple[int, int], tmp_path: Path, judges: list[Brightness]
) -> None:
    save_file({"weight": torch.ones(3) / 3}, tmp_path / "w.safetensors")
    clip = video(2, *size)
    found = musiq(tmp_path / "w.safetensors").rate(clip)
    assert judges[0].seen == [(2, 3, *seen)]
    np.testing.assert_allclose(found, clip.mean((1, 2, 3)) / 255, atol=2e-3)


class Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


def test_musiq_refuses_other_files_and_runs_nothing_in_them(tmp_path: Path, judges: list[Brightness]) -> None:
    torch.save({"weight": Evil(tmp_path / "run")}, tmp_path / "evil.pth")
    torch.save({"other": torch.ones(3)}, tmp_path / "other.pth")
    torch.save([1], tmp_path / "list.pth")
    for name in ("text.pth", "text.safetensors"):
        (tmp_path / name).write_text("hello")
    for path in (*sorted(tmp_path.iterdir()), tmp_path / "nothing.pth", tmp_path):
        with pytest.raises(
            RequestError, match=rf"expected weights of MUSIQ, {MUSIQ_SPAQ}.*{path.name}: .*chaofengc"
        ) as caught:
            musiq(path)
        assert "weights_only" not in str(
            caught.value
        )  # torch's own message advises to run what is in the file
    assert not (tmp_path / "run").exists()


def test_musiq_without_pyiqa_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    with pytest.raises(MoftError, match=r"^pyiqa is not installed; pip install 'moft\[quality\]'$"):
        musiq(tmp_path / MUSIQ_SPAQ)


def test_musiq_agrees_with_pyiqa_itself(tmp_path: Path) -> None:
    arch = pytest.importorskip(
        "pyiqa.archs.musiq_arch",
        reason="pyiqa is not in the test environment: its licence forbids commercial use",
    )
    torch.manual_seed(0)
    model = arch.MUSIQ(pretrained=False).eval()
    torch.save(model.state_dict(), tmp_path / "w.pth")
    clip = video(3, 300, 600)
    images = torch.from_numpy(clip).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        wanted = [
            float(model(F.interpolate(image[None], (256, 512), mode="bilinear", antialias=True))) / 100
            for image in images
        ]
    np.testing.assert_allclose(musiq(tmp_path / "w.pth").rate(clip), wanted, atol=2e-4)
