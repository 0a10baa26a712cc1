"""Steering together with other editing: as alone, or refused with a remedy, as the guide's table says."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from steered import EARLY, LEFT, brief_plain, brief_steered, statistics_of
from tiny import BUILDERS, VARIANTS, sample
from torch import Tensor

from moft.models.families import REFUSED, family_of
from moft.steering.entry import steer

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "together.md"
SAME = {"atol": 1e-4, "rtol": 1e-4}


def fresh(name: str) -> Any:
    """A pipeline like `tiny(name)`, to be changed."""
    torch.manual_seed(0)
    pipe = (BUILDERS | VARIANTS)[name]()
    for part in pipe.components.values():
        if isinstance(part, torch.nn.Module):
            part.eval()
    pipe.set_progress_bar_config(disable=True)
    return pipe


def steered(pipe: Any, name: str, **options: Any) -> tuple[Tensor, list[dict[str, Any]]]:
    """A run of three steps, of which one is guided, and what happened in it."""
    with steer(pipe, LEFT, statistics=statistics_of(name), settings=EARLY) as run:
        found = sample(pipe, num_inference_steps=3, **options)
    return found, run.report.steps


def assert_steers(pipe: Any, name: str, guided: int = 1, **options: Any) -> Tensor:
    """It is guided, repeatably, its loss falls, and the pipeline samples plainly as before; → the latents."""
    plain = sample(pipe, num_inference_steps=3, **options)
    found, steps = steered(pipe, name, **options)
    assert len(steps) == guided and all(step["losses"][1] < step["losses"][0] for step in steps)
    assert not torch.equal(found, plain)
    assert torch.equal(steered(pipe, name, **options)[0], found)
    assert torch.equal(sample(pipe, num_inference_steps=3, **options), plain)
    return found


def denoiser(pipe: Any) -> Any:
    return getattr(pipe, family_of(pipe).attribute)


def adapted(pipe: Any) -> Any:
    """A LoRA with a say on the attentions' queries and values."""
    peft = pytest.importorskip("peft")
    model = denoiser(pipe)
    model.add_adapter(peft.LoraConfig(r=2, target_modules=["to_q", "to_v"], init_lora_weights=False), "style")
    return model


@pytest.mark.parametrize("name", ["animatediff", "wan"])
def test_lora_steers_fused_or_not_and_taken_off_as_without(name: str) -> None:
    pipe = fresh(name)
    model = adapted(pipe)
    own = assert_steers(pipe, name)
    assert not torch.allclose(own, brief_steered(name), **SAME)
    model.fuse_lora()
    torch.testing.assert_close(steered(pipe, name)[0], own, atol=1e-2, rtol=1e-2)
    model.unfuse_lora()
    model.delete_adapters("style")
    torch.testing.assert_close(steered(pipe, name)[0], brief_steered(name), **SAME)


def test_free_init_is_guided_in_each_of_its_runs() -> None:
    pipe = fresh("animatediff")
    pipe.enable_free_init(num_iters=2, use_fast_sampling=False)
    assert_steers(pipe, "animatediff", guided=2)


def test_free_noise_steers() -> None:
    pipe = fresh("animatediff")
    pipe.register_modules(motion_adapter=pipe.unet)  # whose length of context it asks for
    pipe.enable_free_noise(context_length=4, context_stride=2)
    assert_steers(pipe, "animatediff")


def grouped(pipe: Any) -> None:
    cpu = torch.device("cpu")
    denoiser(pipe).enable_group_offload(onload_device=cpu, offload_device=cpu, offload_type="leaf_level")


def compiled(pipe: Any) -> None:
    denoiser(pipe).compile(backend="eager")


@pytest.mark.parametrize("name", ["animatediff", "wan"])
@pytest.mark.parametrize("switch", [grouped, compiled])
def test_what_only_runs_the_model_otherwise_changes_nothing(switch: Callable[[Any], None], name: str) -> None:
    pipe = fresh(name)
    switch(pipe)
    torch.testing.assert_close(sample(pipe, num_inference_steps=3), brief_plain(name), **SAME)
    torch.testing.assert_close(steered(pipe, name)[0], brief_steered(name), **SAME)


def test_float8_storage_of_a_transformer_steers() -> None:
    pipe = fresh("wan")
    denoiser(pipe).enable_layerwise_casting(torch.float8_e4m3fn, torch.float32)
    assert_steers(pipe, "wan")


@pytest.mark.parametrize("name", ["animatediff", "wan"])
def test_weights_that_torchao_quantised_steer(name: str) -> None:
    torchao = pytest.importorskip("torchao.quantization")
    pipe = fresh(name)
    torchao.quantize_(denoiser(pipe), torchao.Int8WeightOnlyConfig())
    found = assert_steers(pipe, name)
    assert (found - brief_steered(name)).norm() < 0.02 * brief_steered(name).norm()


def test_weights_of_gguf_steer() -> None:
    """As diffusers puts them into a model that it loads from such a file."""
    gguf = pytest.importorskip("gguf")
    from diffusers.quantizers.gguf.utils import GGUFLinear, GGUFParameter

    pipe, kind = fresh("ltx"), gguf.GGMLQuantizationType.Q8_0
    for module in list(denoiser(pipe).modules()):
        for name, own in list(module.named_children()):
            if isinstance(own, torch.nn.Linear) and own.in_features % 32 == 0:
                bits = gguf.quants.quantize(own.weight.detach().numpy(), kind)
                linear = GGUFLinear(
                    own.in_features, own.out_features, own.bias is not None, compute_dtype=torch.float32
                )
                linear.weight = GGUFParameter(torch.from_numpy(bits.copy()), quant_type=kind)
                linear.bias = own.bias
                setattr(module, name, linear.eval())
    found = assert_steers(pipe, "ltx")
    assert (found - brief_steered("ltx")).norm() < 0.02 * brief_steered("ltx").norm()


@pytest.fixture
def rows() -> dict[str, str]:
    """The guide's table: what is combined, and how it ends."""
    return dict(re.findall(r"^\| (.+?) \| (steers|refused)\b.*\|$", GUIDE.read_text(), re.MULTILINE))


def test_the_guide_has_a_row_for_each(rows: dict[str, str]) -> None:
    assert rows == {
        "LoRA, loaded, fused, taken off": "steers",
        "ControlNet, SparseCtrl": "steers",
        "Video-to-video": "steers",
        "FreeInit, FreeNoise": "steers",
        "Model offload, group offload": "steers",
        "Layerwise casting to float8, transformers": "steers",
        "Layerwise casting to float8, UNets": "refused",
        "`denoiser.compile()`": "steers",
        "Quantised weights (torchao)": "steers",
        "Quantised weights (GGUF)": "steers",
        "Caches (`enable_cache`, `apply_…`)": "refused",
        "Perturbed attention guidance": "refused",
    }
    assert "AnimateDiffPAGPipeline" in REFUSED
