"""What several tests share: a pipeline of the real classes with random weights, and its motion channels."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no test fetches anything

import numpy as np
import pytest
import torch

import moft
from moft.feature.statistics import STATISTICS_FILE, find_motion_channels
from moft.known.pans import pans
from moft.types import ClipSize


@pytest.fixture(scope="session")
def tiny_animatediff() -> Any:
    """An AnimateDiffPipeline of the miniature's build, narrower and untrained."""
    from moft.miniature import model

    torch.manual_seed(0)
    text = model.text_encoder(model.tokenizer())
    pipe = model.assemble(model.denoiser((32, 32, 32)), model.vae(), text)
    for part in (pipe.unet, pipe.vae, pipe.text_encoder):
        part.eval()
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="session")
def tiny_statistics(tiny_animatediff: Any) -> moft.Statistics:
    """Motion channels of `tiny_animatediff`: real in form, without meaning."""
    noise = np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)
    clips = list(pans([noise], ClipSize(8, 64, 64), speeds=(0.03,)))
    found = find_motion_channels(tiny_animatediff, clips, share=0.2)
    return dataclasses.replace(found, made={"frames": 8})


@pytest.fixture(scope="session")
def tiny_folder(tiny_animatediff: Any, tiny_statistics: moft.Statistics, tmp_path_factory: Any) -> Path:
    """Both, saved as a diffusers folder."""
    folder: Path = tmp_path_factory.mktemp("tiny")
    tiny_animatediff.save_pretrained(folder)
    tiny_statistics.save(folder / STATISTICS_FILE)
    return folder
