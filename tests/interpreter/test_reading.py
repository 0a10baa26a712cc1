"""What one clip shows, in families of other builds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from drawn import noise_clip
from tiny.svd import svd
from tiny.wan import wan

from moft.feature.model import Model
from moft.feature.statistics import Statistics
from moft.interpreter.clips import default_point, read_clip
from moft.interpreter.reading import Interpreter, Reading
from moft.interpreter.readout import fit
from moft.interpreter.similarity import cell_of
from moft.interpreter.viewpoint import ExplainSettings, choose_viewpoint, layer_batches
from moft.known.clips import object_clips
from moft.models.tap import Tap


@pytest.mark.parametrize("make", [wan, svd], ids=["wan", "svd"])
def test_other_families_are_explained_through_the_same_door(make: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    pipe = make()
    size, layer = tiny.clip_size(pipe), Tap(pipe).layer
    channels, zero = torch.tensor([0, 3, 5]), torch.zeros(3)
    made = {"frames": size.frames}
    statistics = Statistics(channels, torch.zeros(3, 2), zero, zero, layer, 300, "tiny", made)
    settings = ExplainSettings(timesteps=(300,))
    viewpoint = choose_viewpoint(Model(pipe, "tiny", given=statistics), settings, print)
    viewpoint = replace(viewpoint, size=size, layers=(layer,))
    clip = read_clip(noise_clip(tmp_path / "clip.mp4", 10), size)
    feature = next(layer_batches(pipe, np.stack([clip.video] * 2), 300, (layer,)))[layer]
    batches = [(feature, object_clips(2, size, 5).cells(feature))] * 2
    readout = fit(batches, batches, channels, layer, 300, size)
    interpreter = Interpreter(viewpoint, {layer: channels}, readout, settings)
    source = interpreter.source(clip, default_point(clip))
    reading = interpreter.read(clip, source, 0)
    cells = feature.shape[1], *feature.shape[3:]
    assert reading.maps["design/moft"].shape == cells and reading.flow.shape == (*clip.video.shape[:3], 2)
    assert all(value.abs().max() <= 1 + 1e-5 for value in reading.maps.values())
    _, row, column = cell_of(source.point, size, feature)
    assert reading.maps["design/vanilla"][:, row, column].min() > 0.999  # the same noise: like itself
    reading.save(tmp_path / "kept.safetensors")
    again = Reading.load(tmp_path / "kept.safetensors", clip, source)
    assert again.to_json() == reading.to_json() and torch.equal(again.flow, reading.flow)
