"""What a file is, is told by its first bytes, and half a file is refused."""

import io
import os

import av
import pytest
from movies import noisy, raw_movie, refused, smooth
from PIL import Image

from moft.errors import MediaError
from moft.media.reading import read_video
from moft.media.writing import write_video


def test_an_ffconcat_script_named_mp4_is_refused(tmp_path, clip):
    path = tmp_path / "a.mp4"
    path.write_text(f"ffconcat version 1.0\nfile {clip}\n")
    refused(path, "starts with b'ffconcat")


def test_an_m3u8_playlist_named_mp4_is_refused(tmp_path, clip):
    path = tmp_path / "a.mp4"
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{clip}\n#EXT-X-ENDLIST\n")
    refused(path, "starts with b'#EXTM3U")


def test_a_file_name_with_a_colon_is_fine_behind_its_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "day:2").mkdir()
    for path in ("./take:1.mp4", "./day:2/a.mp4"):
        write_video(path, smooth())
        assert len(read_video(path)) == 6


def test_what_is_no_regular_file_is_refused(tmp_path):
    refused(tmp_path, "pictures in the folder, got none")
    refused(tmp_path / "absent.mp4", "got no file")
    os.mkfifo(tmp_path / "fifo.mp4")
    refused(tmp_path / "fifo.mp4", "an ordinary file")


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "a.mp4").touch()
    refused(tmp_path / "a.mp4", "an empty file")


def test_a_text_file_is_refused(tmp_path):
    (tmp_path / "a.mp4").write_text("once upon a time")
    refused(tmp_path / "a.mp4", "once upon a")


@pytest.mark.parametrize("kind", ["mp4", "webm", "avi", "mov", "mkv", "gif", "png", "jpeg", "webp"])
@pytest.mark.parametrize("part", [0.97, 0.5, 0.1, 0.02])
def test_a_truncated_file_is_refused(tmp_path, kind, part):
    path = tmp_path / f"a.{kind}"
    if kind in ("avi", "mov", "mkv"):
        raw_movie(path, "mpeg4", noisy(8))
    elif kind in ("png", "jpeg", "webp"):
        Image.fromarray(noisy(1)[0]).save(path)
    else:
        write_video(path, noisy(8))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    refused(path, "cannot read")


def test_a_movie_is_opened_with_its_own_demuxer_and_no_protocol(clip, monkeypatch):
    seen, open_ = [], av.open

    def spy(file, **kwargs):
        seen.append((kwargs["format"], kwargs["options"]["protocol_whitelist"], isinstance(file, io.IOBase)))
        return open_(file, **kwargs)

    monkeypatch.setattr(av, "open", spy)
    read_video(clip)
    assert seen == [("mov", "none", True)]


@pytest.mark.parametrize(
    "head", [b"\0\0\0\x18ftypisom", b"\x1a\x45\xdf\xa3\x9f", b"RIFF\0\0\0\0AVI ", b"GIF89a"]
)
def test_noise_behind_a_valid_magic_is_refused(tmp_path, head):
    (tmp_path / "a.mp4").write_bytes(head + noisy(1).tobytes())
    error = refused(tmp_path / "a.mp4", "cannot read")
    assert error.__cause__ is not None or "sound only" in str(error)


def test_an_unreadable_file_is_one_clear_error(clip, monkeypatch):
    def fail(*_, **__):
        raise PermissionError("not yours")

    monkeypatch.setattr("builtins.open", fail)
    with pytest.raises(MediaError, match="PermissionError: not yours") as caught:
        read_video(clip)
    assert isinstance(caught.value.__cause__, PermissionError)
