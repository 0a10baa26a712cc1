"""A camera that goes along."""

from __future__ import annotations

import torch
from drawn import slopes

from moft.known.camera import along


def test_a_camera_that_goes_along_sees_a_still_clip_and_back_is_where_it_was():
    velocity = torch.tensor([[1.5, -1.0], [0.0, 2.0]])
    video = torch.from_numpy(slopes(velocity)).float()
    seen = along(video, velocity)[:, :, 16:48, 16:48]
    assert seen.std(1).max() < 0.6 and video.std(1).max() > 5  # half a grey value is rounding
    inner = along(along(video, velocity), velocity, back=True)[:, :, 20:44, 20:44]
    assert (inner - video[:, :, 20:44, 20:44]).abs().max() < 1.5
