"""A written clip, for what only reads it."""

import pytest
from movies import smooth

from moft.media.writing import write_video


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    write_video(path, smooth())
    return path
