"""Model folders of strangers: nothing in them runs, nothing outside is read, and each is refused by an error
that names the file, and the field where there is one."""

from __future__ import annotations

import json
import os
import pickle
import resource
import shutil
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import BUILDERS, tiny

import moft
from moft.errors import BackboneError
from moft.models.folder.checked import check_folder
from moft.models.loading import miniature_path

VAE, UNET = "vae/config.json", "unet/config.json"
TEXT, TOKENS = "text_encoder/config.json", "tokenizer/tokenizer_config.json"
SCHEDULER, INDEX = "scheduler/scheduler_config.json", "model_index.json"
WEIGHTS = "diffusion_pytorch_model.safetensors"
MARKER = "ran"  # a file that every payload makes

Attack = Callable[[Path], object]
ATTACKS: dict[str, tuple[Attack, str]] = {}  # what is done to the folder, what the error says


def payload(folder: Path) -> str:
    """Python that leaves a trace, and defines whatever it is asked for."""
    marker = folder.parent / MARKER
    return f"open({str(marker)!r}, 'w').close()\ndef __getattr__(name):\n    return type(name, (), {{}})\n"


class Pickled:
    """Leaves a trace when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.marker = str(folder.parent / MARKER)

    def __reduce__(self) -> Any:
        return open, (self.marker, "w")


def put(name: str, field: str, value: Any) -> Attack:
    """A field of a file of settings."""

    def attack(folder: Path) -> None:
        data = json.loads((folder / name).read_text())
        data[field] = value
        replace(folder / name, json.dumps(data))

    return attack


def text(name: str, content: str | bytes) -> Attack:
    """A file's whole content."""
    return lambda folder: replace(folder / name, content)


def replace(path: Path, content: str | bytes) -> None:
    path.unlink(missing_ok=True)  # the other folder's file is the same one
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def with_code(attack: Attack, *names: str) -> Attack:
    """The same, and code under these names."""

    def both(folder: Path) -> None:
        attack(folder)
        for name in names:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(payload(folder))

    return both


def pickled(name: str, *gone: str) -> Attack:
    """A pickle in place of weights."""

    def attack(folder: Path) -> None:
        for other in gone:
            (folder / other).unlink()
        (folder / name).write_bytes(pickle.dumps(Pickled(folder)))

    return attack


def indexed(part: str) -> Attack:
    """An index of weights that points to a part of this name, which is a pickle."""

    def attack(folder: Path) -> None:
        (folder / "vae" / WEIGHTS).unlink()
        index = {"metadata": {"total_size": 8}, "weight_map": {"conv_in.weight": part}}
        (folder / "vae" / f"{WEIGHTS}.index.json").write_text(json.dumps(index))
        target = folder / "vae" / part
        if not target.is_absolute() or target.is_relative_to(folder.parent):
            target.write_bytes(pickle.dumps(Pickled(folder)))

    return attack


def headed(header: bytes, size: int | None = None) -> Attack:
    """Weights with this header, which is said to have so many bytes."""
    told = struct.pack("<Q", len(header) if size is None else size)
    return text(f"vae/{WEIGHTS}", told + header + bytes(64))


def linked(name: str, target: str | None = None) -> Attack:
    """A link in place of a file; by default to a copy of it outside."""

    def attack(folder: Path) -> None:
        outside = folder.parent / f"outside-{Path(name).name}"
        (folder / name).rename(outside)
        (folder / name).symlink_to(target or outside)

    return attack


def piped(name: str) -> Attack:
    """A pipe in place of a file, from which nothing ever comes."""

    def attack(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return attack


def component(value: Any, name: str = "vae") -> Attack:
    return put(INDEX, name, value)


def nested(depth: int) -> str:
    return '{"_class_name": ' + "[" * depth + "]" * depth + "}"


ATTACKS.update(
    {
        # code that is named
        "pipeline of a module beside it": (
            with_code(put(INDEX, "_class_name", ["evil", "Evil"]), "evil.py"),
            "model_index.json: _class_name",
        ),
        "pipeline of a file beside it": (
            with_code(put(INDEX, "_class_name", "evil.Evil"), "evil.py"),
            "model_index.json: _class_name",
        ),
        "pipeline that is a module": (put(INDEX, "_class_name", "utils"), "model_index.json: _class_name"),
        "pipeline that is a function": (put(INDEX, "_class_name", "__getattr__"), "_class_name"),
        "pipeline that is no pipeline": (put(INDEX, "_class_name", "AutoencoderKL"), "_class_name"),
        "pipeline of another family": (put(INDEX, "_class_name", "DDPMPipeline"), "of a known family"),
        "file that is taken for a pipeline": (with_code(lambda _: None, "None.py"), "None.py: it holds code"),
        "component of a module beside it": (
            with_code(component(["evil", "Evil"]), "evil.py", "vae/evil.py"),
            "model_index.json: vae",
        ),
        "component of a package beside it": (
            with_code(component(["evil", "Evil"]), "evil/__init__.py"),
            "vae: expected a class of diffusers",
        ),
        "component of the system": (component(["os", "system"]), "vae: expected a class of diffusers"),
        "component of a submodule": (component(["diffusers.utils", "logging"]), "vae: expected a package"),
        "component that climbs": (component(["..evil", "Evil"]), "vae: expected a package"),
        "component that is a function": (component(["diffusers", "load_image"]), "vae: expected a model"),
        "component that is a pipeline": (component(["diffusers", "DDPMPipeline"]), "vae: expected a model"),
        "component that looks elsewhere": (component(["transformers", "AutoModel"]), "vae: expected a model"),
        "component called as a path": (component(["diffusers", "AutoencoderKL"], "../vae"), "names of comp"),
        "code called as the library": (
            with_code(lambda _: None, "vae/diffusers.py"),
            "vae/diffusers.py: it holds code",
        ),
        "package in a component": (
            with_code(lambda _: None, "unet/deeper/__init__.py"),
            "deeper/__init__.py: it holds code",
        ),
        "compiled code": (text("unet/fast.so", b"\x7fELF"), "unet/fast.so: it holds code"),
        "custom pipeline": (
            with_code(put(INDEX, "custom_pipeline", "evil"), "evil.py"),
            "model_index.json: custom_pipeline",
        ),
        "automatic map": (
            with_code(put(TEXT, "auto_map", {"AutoModel": "evil.Evil"}), "evil.py"),
            "text_encoder/config.json: auto_map",
        ),
        "automatic map further in": (
            put(TEXT, "text_config", {"auto_map": {"AutoConfig": "e.E"}}),
            "auto_map",
        ),
        "tokenizer with code": (
            with_code(put(TOKENS, "auto_map", {"AutoTokenizer": ["evil.Evil", None]}), "evil.py"),
            "tokenizer_config.json: auto_map",
        ),
        "tokenizer of another file": (put(TOKENS, "vocab_file", "/etc/passwd"), "config.json: vocab_file"),
        "trust asked by the file": (put(TEXT, "trust_remote_code", True), "trust_remote_code"),
        "kernel of the hub": (put(TEXT, "_attn_implementation", "evil/kernel"), "_attn_implementation"),
        "adapter of another model": (
            text("text_encoder/adapter_config.json", '{"base_model_name_or_path": "evil/model"}'),
            "adapter_config.json: it names another model",
        ),
        # pickles, and weights elsewhere
        "pickle alone": (pickled("vae/diffusion_pytorch_model.bin", f"vae/{WEIGHTS}"), "convert them"),
        "pickle of the text encoder": (
            pickled("text_encoder/pytorch_model.bin", "text_encoder/model.safetensors"),
            "convert them",
        ),
        "checkpoint alone": (pickled("vae/model.ckpt", f"vae/{WEIGHTS}"), "convert them"),
        "pickle called safetensors": (pickled(f"vae/{WEIGHTS}", f"vae/{WEIGHTS}"), "a whole safetensors"),
        "index to a pickle": (indexed("evil.bin"), "weight_map.conv_in.weight: expected a safetensors file"),
        "index to a folder above": (indexed("../evil.safetensors"), "weight_map.conv_in.weight"),
        "index to anywhere": (indexed("/etc/passwd.safetensors"), "weight_map.conv_in.weight"),
        "index to nothing": (
            text(f"vae/{WEIGHTS}.index.json", '{"weight_map": {"a": "b.safetensors"}}'),
            "expected the file b",
        ),
        "index that is none": (
            text(f"vae/{WEIGHTS}.index.json", '{"weight_map": 7}'),
            "index.json: weight_map",
        ),
        "other weights by the settings": (
            put(TEXT, "transformers_weights", "evil.bin"),
            "transformers_weights",
        ),
        "no weights": (lambda folder: (folder / "vae" / WEIGHTS).unlink(), "expected weights, diffusion_py"),
        "weights of something else": (
            lambda folder: (
                shutil.copy(folder / "text_encoder" / "model.safetensors", folder / "spare")
                and replace(folder / "vae" / WEIGHTS, (folder / "spare").read_bytes())
            ),
            "vae: expected weights for all of AutoencoderKL",
        ),
        # headers that lie
        "header of no end": (headed(b"{}", 2**63), "a whole safetensors"),
        "header of 4 GB": (headed(b"{}", 2**32), "a whole safetensors"),
        "header that is no JSON": (headed(b"{" * 64), "a whole safetensors"),
        "header of deep nesting": (headed(b'{"a":' * 50_000), "a whole safetensors"),
        "tensor beyond the file": (
            headed(b'{"a":{"dtype":"F32","shape":[1073741824],"data_offsets":[0,4294967296]}}'),
            "a whole safe",
        ),
        "tensor of another length": (
            headed(b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,64]}}'),
            "a whole safetensors",
        ),
        "weights cut short": (
            lambda folder: replace(folder / "vae" / WEIGHTS, (folder / "vae" / WEIGHTS).read_bytes()[:-100]),
            "a whole safetensors",
        ),
        # files that lead elsewhere, or never end
        "link to a copy outside": (linked(UNET), "unet/config.json: expected a file in the model's folder"),
        "link to the system's": (linked(UNET, "/etc/passwd"), "unet/config.json: expected a file in"),
        "link of weights": (linked(f"vae/{WEIGHTS}"), "expected a file in the model's folder"),
        "link to itself": (linked(UNET, "config.json"), "broken link"),
        "pipe of settings": (piped(UNET), "unet/config.json: expected an ordinary file"),
        "pipe of tokens": (piped("tokenizer/tokenizer.json"), "tokenizer.json: expected an ordinary file"),
        "pipe of the index": (piped(INDEX), "expected an ordinary file"),
        "device of weights": (linked(f"vae/{WEIGHTS}", "/dev/zero"), "expected an ordinary file"),
        # settings that are none
        "index of another kind": (text(INDEX, "[]"), "model_index.json: expected a JSON object"),
        "index nested deeply": (text(INDEX, nested(100_000)), "nesting deeper"),
        "settings nested deeply": (text(UNET, nested(5000)), "nesting deeper"),
        "settings of no text": (text(UNET, b"\xff\xfe\x00"), "UTF-8"),
        "settings without end": (text(UNET, '{"a": "' + "a" * 2**22 + '"}'), "at most"),
        "settings of 5000 digits": (text(UNET, '{"layers_per_block": ' + "9" * 5000 + "}"), "5000 digits"),
        "settings that are not a number": (text(SCHEDULER, '{"beta_end": NaN}'), "not finite"),
        "settings twice": (text(UNET, '{"a": 1, "a": 2}'), "twice"),
        "settings that are gone": (lambda folder: (folder / UNET).unlink(), "config.json: expected settings"),
        "component that is gone": (lambda folder: shutil.rmtree(folder / "vae"), "vae: expected a folder"),
        "class that is none": (put(VAE, "_class_name", ["evil", "Evil"]), "vae/config.json: _class_name"),
        # settings of wrong types and sizes
        "layers without end": (put(UNET, "layers_per_block", 10**9), "unet/config.json: layers_per_block"),
        "layers beyond the weights": (put(UNET, "layers_per_block", 4000), "more than there are weights"),
        "channels without end": (put(UNET, "block_out_channels", [10**9] * 3), "block_out_channels"),
        "channels beyond the weights": (put(VAE, "block_out_channels", [2**20] * 3), "vae/config.json"),
        "text for a number": (put(UNET, "layers_per_block", "2"), "layers_per_block: expected int"),
        "number for texts": (put(UNET, "down_block_types", 3), "down_block_types: expected tuple"),
        "object for numbers": (put(VAE, "block_out_channels", {"a": 1}), "block_out_channels: expected"),
        "texts for numbers": (
            put(VAE, "block_out_channels", ["a", "b", "c"]),
            "block_out_channels: expected",
        ),
        "groups of none": (put(VAE, "norm_num_groups", 0), "norm_num_groups"),
        "heads of none": (put(TEXT, "num_attention_heads", 0), "num_attention_heads"),
        "text for groups": (put(UNET, "norm_num_groups", "x"), "norm_num_groups"),
        "blocks that are none": (put(UNET, "down_block_types", ["os", "sys", "eval"]), "down_block_types"),
        "activation that is none": (
            put(TEXT, "hidden_act", "os.system"),
            "text_encoder/config.json: hidden_act",
        ),
        "layers of the text encoder": (put(TEXT, "num_hidden_layers", 10**8), "num_hidden_layers"),
        "labels without end": (put(TEXT, "num_labels", 10**9), "num_labels"),
        "steps without end": (put(SCHEDULER, "num_train_timesteps", 10**10), "num_train_timesteps"),
        "schedule that is none": (
            put(SCHEDULER, "beta_schedule", "os"),
            "scheduler_config.json: beta_schedule",
        ),
        "null for a number": (put(UNET, "in_channels", None), "unet/config.json"),
        "component that is a text": (put(INDEX, "vae", "AutoencoderKL"), "model_index.json: vae"),
        "component that is nothing": (put(INDEX, "vae", [None, None]), "model_index.json: vae"),
        "tokens that are none": (text("tokenizer/tokenizer.json", "{}"), "cannot load"),
        "tokens nested deeply": (text("tokenizer/tokenizer.json", nested(100_000)), "cannot load"),
    }
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder like the miniature's."""
    return Path(shutil.copytree(miniature_path(), tmp_path / "model", copy_function=os.link))


@pytest.mark.parametrize("name", ATTACKS)
def test_is_refused_by_name_and_nothing_runs(name: str, folder: Path) -> None:
    attack, message = ATTACKS[name]
    attack(folder)
    start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BackboneError) as refused:
        moft.load(folder)
    assert message in str(refused.value)
    assert not (folder.parent / MARKER).exists()
    if name != next(iter(ATTACKS)):  # which imports diffusers
        assert time.process_time() - start < 10
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024


def test_a_payload_would_have_left_its_trace(folder: Path) -> None:
    exec(payload(folder), {})
    assert (folder.parent / MARKER).exists()
    (folder.parent / MARKER).unlink()
    pickle.loads(pickle.dumps(Pickled(folder)))
    assert (folder.parent / MARKER).exists()


def test_a_folder_as_it_should_be_is_loaded(folder: Path) -> None:
    assert check_folder(folder) is None
    assert type(moft.load(folder).pipe).__name__ == "AnimateDiffPipeline"


def test_weights_of_half_precision_alone_are_taken(folder: Path) -> None:
    for part in ("unet", "vae"):
        (folder / part / WEIGHTS).rename(folder / part / "diffusion_pytorch_model.fp16.safetensors")
    (folder / "text_encoder" / "model.safetensors").rename(folder / "text_encoder" / "model.fp16.safetensors")
    assert check_folder(folder) == "fp16"
    again, plain = moft.load(folder).pipe.unet, moft.load("miniature").pipe.unet
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), plain.parameters(), strict=True))


def test_a_pickle_beside_weights_is_not_read(folder: Path) -> None:
    pickled("vae/diffusion_pytorch_model.bin")(folder)
    assert moft.load(folder) and not (folder.parent / MARKER).exists()


def test_the_hubs_cache_keeps_files_apart_from_their_names(folder: Path) -> None:
    cache = folder.parent / "models--a--b"
    (cache / "blobs").mkdir(parents=True)
    snapshot = Path(shutil.copytree(folder, cache / "snapshots" / ("ab" * 20)))
    (snapshot / UNET).rename(cache / "blobs" / "1234")
    (snapshot / UNET).symlink_to("../../../blobs/1234")
    assert check_folder(snapshot) is None


def test_infinite_numbers_of_schedulers_are_as_diffusers_writes_them(folder: Path) -> None:
    put(SCHEDULER, "lambda_min_clipped", float("-inf"))(folder)
    put(INDEX, "scheduler", ["diffusers", "DPMSolverMultistepScheduler"])(folder)
    put(TOKENS, "model_max_length", 10**30)(folder)
    assert check_folder(folder) is None


@pytest.mark.parametrize(
    "family", sorted(BUILDERS.keys() - {"kandinsky"})
)  # whose processor is a double here
def test_every_familys_own_folder_is_taken(family: str, tmp_path: Path) -> None:
    tiny(family).save_pretrained(tmp_path)
    assert check_folder(tmp_path) is None
