"""MOFT as others have it: the authors' own release, and the one that DiTFlow compares itself with."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import torch
from einops import rearrange

from moft.bench.task import Task
from moft.feature.definition import ccr, motion_channels, motion_feature
from moft.feature.read import encode
from moft.feature.reference import ClipReading, FromClip, from_clip
from moft.feature.statistics import find_statistics
from moft.models.tap import Tap
from moft.steering.entry import steer
from moft.steering.settings import Settings


def release(pipe: Any, task: Task, settings: Settings) -> AbstractContextManager[Any]:
    """The MOFT authors' notebook: squared distance of region means, the clip inverted to t = 200, no gain.

    The prompt of the inversion is empty. Here the region is the whole frame, and the step rule is that of
    `settings` as for all: their plain z − 0.5·6·gradient is in units of their model's features. Channels are
        this model's, for both axes; theirs are for left and right alone.
    """
    reference = from_clip(pipe, task.reference, how=ClipReading(invert=True, timestep=200))
    return steer(pipe, replace(reference, gain=1.0), settings=replace(settings, loss="region"))


def ditflow_moft(pipe: Any, task: Task, settings: Settings) -> AbstractContextManager[Any]:
    """What DiTFlow compares itself with as MOFT: the cosine per position, clean latents at t = 0.

    Channels are from the clip itself, as many as are this model's motion channels; its layer.
    """
    statistics = find_statistics(pipe)
    tap = Tap(pipe, statistics.layer, statistics.timestep)
    with torch.no_grad():
        clip = encode(tap, task.reference[None])
    features = tap.features_of(clip, 0.0, tap.first_call([""], clip, task.reference[None, 0])).cpu()
    rows = rearrange(ccr(features), "1 f c h w -> (f h w) c")
    channels = motion_channels(rows, len(statistics.channels) / rows.shape[1])
    reference = FromClip(motion_feature(features, channels)[0], channels, tap.layer, statistics.scale, 0)
    return steer(pipe, reference, settings=replace(settings, loss="cosine"))
