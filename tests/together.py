"""What else may be put on a pipeline, and how steering ends with it. The guide's table is written by

    PYTHONPATH=tests python tests/together.py [WHAT …]

which runs each, or those whose names begin so, and leaves the rows of the others as they are; the tests run
each again, and compare. Packages that the project does not want for itself must be there for their rows.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from steered import EARLY, LEFT, brief_steered, guide_of, statistics_of
from tiny import BUILDERS, VARIANTS, sample, tiny
from torch import Tensor, nn

from moft.errors import BackboneError
from moft.models.families import family_of
from moft.steering.entry import steer

GUIDE = Path(__file__).parents[1] / "docs" / "guides" / "together.md"
HEAD = "| with | tried on | how it ends |\n|---|---|---|\n"
SAME = {"atol": 1e-4, "rtol": 1e-4}
BOUNDS = (0.02, 0.05)  # of the latents, within which a model with rounded weights is told to answer as alone
ALIKE = 0.95  # cosine of a gradient with that of the weights that were not rounded, at least
UNET, BOTH = ("animatediff",), ("animatediff", "wan")


@dataclass(frozen=True)
class Together:
    """One thing that is put on pipelines."""

    what: str  # as the table calls it
    put: Callable[[Any], Any]  # on a fresh pipeline → that, or the one to run instead
    on: tuple[str, ...]  # builders of `tiny`
    alike: bool = True  # whether the model is meant to answer as it does alone
    needs: str | None = None  # a package that may not be there
    guided: int = 1  # steps of a run of three
    given: Mapping[str, Any] = field(default_factory=dict)  # to a call

    @property
    def absent(self) -> bool:
        """Whether its package is not installed."""
        return self.needs is not None and find_spec(self.needs) is None


def fresh(name: str) -> Any:
    """A pipeline like `tiny(name)`, to be changed."""
    torch.manual_seed(0)
    pipe = (BUILDERS | VARIANTS)[name]()
    for part in pipe.components.values():
        if isinstance(part, nn.Module):
            part.eval()
    pipe.set_progress_bar_config(disable=True)
    return pipe


def denoiser(pipe: Any) -> Any:
    return getattr(pipe, family_of(pipe).attribute)


def steered(pipe: Any, name: str, **options: Any) -> tuple[Tensor, list[dict[str, Any]], Tensor]:
    """A run of three steps, of which one is guided; what happened in it, and the first gradient."""
    seen: list[Tensor] = []
    with steer(pipe, LEFT, statistics=statistics_of(name), settings=EARLY) as run:
        guide = guide_of(run)
        usual = guide.gradient

        def watched(*args: Any) -> Any:
            loss, gradient = usual(*args)
            seen.append(gradient.clone())
            return loss, gradient

        guide.gradient = watched
        found = sample(pipe, num_inference_steps=3, **options)
    return found, run.report.steps, seen[0]


def ending(one: Together, name: str) -> str:
    """How it ends, as the table says it. Asserts of what steers: it is guided, repeatably, its loss falls,
    the pipeline samples plainly as before, and gradients are those of weights that were not rounded."""
    pipe = one.put(fresh(name))
    try:
        with steer(pipe, LEFT, statistics=statistics_of(name), settings=EARLY):
            pass
    except BackboneError as error:
        return f"refused: {error}"
    plain = sample(pipe, num_inference_steps=3, **one.given)
    found, steps, gradient = steered(pipe, name, **one.given)
    assert len(steps) == one.guided and all(step["losses"][1] < step["losses"][0] for step in steps)
    assert not torch.equal(found, plain)
    assert torch.equal(sample(pipe, num_inference_steps=3, **one.given), plain)
    if one.alike and torch.allclose(found, brief_steered(name), **SAME):
        return "steers as alone"
    assert torch.equal(steered(pipe, name, **one.given)[0], found)
    if not one.alike:
        return "steers"
    alone = brief_steered(name)
    assert torch.cosine_similarity(gradient.flatten(), steered(tiny(name), name)[2].flatten(), 0) > ALIKE
    off = float((found - alone).norm() / alone.norm())
    bound = next((bound for bound in BOUNDS if off < bound), None)
    assert bound is not None, off
    return f"steers, latents within {100 * bound:g} % of those without"


# ---------------------------------------------------------------- what is put on


def nothing(pipe: Any) -> Any:
    """What is combined is the pipeline itself."""
    return pipe


def lora(pipe: Any) -> Any:
    """With a say on the attentions' queries and values."""
    import peft

    config = peft.LoraConfig(r=2, target_modules=["to_q", "to_v"], init_lora_weights=False)
    denoiser(pipe).add_adapter(config, "style")
    return pipe


def fused(pipe: Any) -> Any:
    denoiser(lora(pipe)).fuse_lora()
    return pipe


def taken_off(pipe: Any) -> Any:
    model = denoiser(fused(pipe))
    model.unfuse_lora()
    model.delete_adapters("style")
    return pipe


def ip_adapter(pipe: Any) -> Any:
    """Of random weights, on all cross-attentions with the prompt, behind a random image encoder."""
    from tiny.parts import image_processor, vision_config
    from transformers import CLIPVisionModelWithProjection

    config, draw = vision_config(32), torch.Generator().manual_seed(0)
    encoder = CLIPVisionModelWithProjection(config).eval()
    pipe.register_modules(image_encoder=encoder, feature_extractor=image_processor(32))
    names = [n for n in pipe.unet.attn_processors if "attn2" in n and "motion_modules" not in n]
    keys = [pipe.unet.get_submodule(name.removesuffix(".processor")).to_k.weight for name in names]
    adapter = {
        f"{2 * i + 1}.to_{which}_ip.weight": 0.1 * torch.randn(key.shape, generator=draw)
        for i, key in enumerate(keys)
        for which in "kv"
    }
    width, tokens = pipe.unet.config.cross_attention_dim, 4
    projection = {
        "proj.weight": 0.1 * torch.randn(tokens * width, config.projection_dim, generator=draw),
        "proj.bias": torch.zeros(tokens * width),
        "norm.weight": torch.ones(width),
        "norm.bias": torch.zeros(width),
    }
    weights = {"image_proj": projection, "ip_adapter": adapter}
    pipe.load_ip_adapter(weights, subfolder="", weight_name="", image_encoder_folder=None)
    return pipe


def free_init(pipe: Any) -> Any:
    pipe.enable_free_init(num_iters=2, use_fast_sampling=False)
    return pipe


def free_noise(pipe: Any) -> Any:
    pipe.register_modules(motion_adapter=pipe.unet)  # whose length of context it asks for
    pipe.enable_free_noise(context_length=4, context_stride=2)
    return pipe


def offloaded(pipe: Any) -> Any:
    pipe.enable_model_cpu_offload(device="cpu")
    return pipe


def grouped(pipe: Any) -> Any:
    cpu = torch.device("cpu")
    denoiser(pipe).enable_group_offload(onload_device=cpu, offload_device=cpu, offload_type="leaf_level")
    return pipe


def sequential(pipe: Any) -> Any:
    """The hooks that diffusers puts on, which itself names a device of a number, as no CPU has one."""
    from accelerate import cpu_offload

    for part in pipe.components.values():
        if isinstance(part, nn.Module):
            cpu_offload(part, torch.device("cpu"), offload_buffers=len(part._parameters) > 0)
    assert next(denoiser(pipe).parameters()).is_meta
    return pipe


def compiled(pipe: Any) -> Any:
    denoiser(pipe).compile(backend="eager")
    return pipe


def float8(pipe: Any) -> Any:
    denoiser(pipe).enable_layerwise_casting(torch.float8_e4m3fn, torch.float32)
    return pipe


def cached(pipe: Any) -> Any:
    from diffusers import FirstBlockCacheConfig

    denoiser(pipe).enable_cache(FirstBlockCacheConfig(threshold=0.1))
    return pipe


def perturbed(pipe: Any) -> Any:
    from diffusers import AnimateDiffPAGPipeline

    return AnimateDiffPAGPipeline(**pipe.components)


def torchao(kind: str) -> Callable[[Any], Any]:
    """Weights of one of its kinds."""

    def put(pipe: Any) -> Any:
        from torchao import quantization

        quantization.quantize_(denoiser(pipe), getattr(quantization, f"{kind}WeightOnlyConfig")())
        return pipe

    return put


def relinked(pipe: Any, build: Callable[[nn.Linear], nn.Module | None]) -> Any:
    """With other linear layers where `build` makes one, but for those that diffusers keeps as they are."""
    model = denoiser(pipe)
    kept = set(getattr(model, "_keep_in_fp32_modules", None) or ())
    for path, module in list(model.named_modules()):
        for name, own in list(module.named_children()):
            if type(own) is nn.Linear and not kept & {*path.split("."), name}:
                made = build(own)
                if made is not None:
                    setattr(module, name, made.eval())
    return pipe


def gguf(pipe: Any) -> Any:
    """As diffusers puts them into a model that it loads from such a file."""
    import gguf as package
    from diffusers.quantizers.gguf.utils import GGUFLinear, GGUFParameter

    kind = package.GGMLQuantizationType.Q8_0

    def build(own: nn.Linear) -> nn.Module | None:
        if own.in_features % 32:
            return None
        made = GGUFLinear(
            own.in_features, own.out_features, own.bias is not None, compute_dtype=torch.float32
        )
        bits = package.quants.quantize(own.weight.detach().numpy(), kind)
        made.weight, made.bias = GGUFParameter(torch.from_numpy(bits.copy()), quant_type=kind), own.bias
        return made

    return relinked(pipe, build)


def bitsandbytes(pipe: Any) -> Any:
    """NF4, as diffusers puts it in; it loads such files with a GPU alone, the layers also run without."""
    import bitsandbytes as package

    def build(own: nn.Linear) -> nn.Module | None:
        if own.in_features % 64:
            return None
        made = package.nn.Linear4bit(
            own.in_features, own.out_features, own.bias is not None, torch.float32, quant_type="nf4"
        )
        made.weight, made.bias = package.nn.Params4bit(own.weight.data, False, quant_type="nf4"), own.bias
        return made.to("cpu")

    return relinked(pipe, build)


def quanto(pipe: Any) -> Any:
    from optimum import quanto as package

    package.quantize(denoiser(pipe), weights=package.qint8)
    package.freeze(denoiser(pipe))
    return pipe


PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8))
CLIPS = ("animatediff_video", "modelscope_video", "wan_video", "cogvideox_video", "lucy")
ALL = (
    Together("LoRA (peft)", lora, BOTH, alike=False),
    Together("LoRA, fused into the weights", fused, BOTH, alike=False),
    Together("LoRA, taken off again", taken_off, BOTH),
    Together("IP-Adapter", ip_adapter, UNET, alike=False, given={"ip_adapter_image": PICTURE}),
    Together("ControlNet", nothing, ("animatediff_controlnet",), alike=False),
    Together("SparseCtrl", nothing, ("animatediff_sparsectrl",), alike=False),
    Together("Video-to-video", nothing, CLIPS, alike=False),
    Together("FreeInit, guided in each of its runs", free_init, UNET, alike=False, guided=2),
    Together("FreeNoise", free_noise, UNET, alike=False),
    Together("Model offload", offloaded, BOTH),
    Together("Group offload", grouped, BOTH),
    Together("Sequential offload", sequential, BOTH),
    Together("`denoiser.compile()`, backend `eager`", compiled, BOTH),
    Together("Layerwise casting to float8", float8, BOTH),
    Together("torchao, int8 weights", torchao("Int8"), BOTH, needs="torchao"),
    Together("torchao, float8 weights", torchao("Float8"), BOTH, needs="torchao"),
    Together("GGUF, Q8_0", gguf, ("ltx", "wan"), needs="gguf"),
    Together("bitsandbytes, NF4", bitsandbytes, UNET, needs="bitsandbytes"),
    Together("quanto, int8 weights", quanto, BOTH, needs="optimum"),
    Together("Caches (`enable_cache`, `apply_…`)", cached, ("wan",)),
    Together("Perturbed attention guidance", perturbed, UNET),
)


# ---------------------------------------------------------------- the table


def rows(text: str) -> dict[tuple[str, str], str]:
    """The table's endings by what is put on and by pipeline."""
    found = {}
    for what, on, how in re.findall(
        r"^\| (.+?) \| (.+?) \| (.+?) \|$", text.partition(HEAD)[2], re.MULTILINE
    ):
        found.update({(what, name): how for name in on.split(", ")})
    return found


def called(name: str) -> str:
    """A pipeline of `tiny` as the table calls it."""
    return type(tiny(name)).__name__.removesuffix("Pipeline")


def table(endings: Mapping[tuple[str, str], str]) -> str:
    """Rows of those that end alike."""
    lines: dict[tuple[str, str], list[str]] = {}
    for (what, name), how in endings.items():
        lines.setdefault((what, how), []).append(name)
    return "".join(f"| {what} | {', '.join(on)} | {how} |\n" for (what, how), on in lines.items())


def main(chosen: list[str]) -> None:
    """Write the table."""
    text, endings = GUIDE.read_text(), {}
    before = rows(text)
    for one in ALL:
        for name in one.on:
            key = (one.what, called(name))
            wanted = not chosen or one.what.startswith(tuple(chosen))
            if wanted and one.absent:
                sys.exit(f"{one.what}: expected {one.needs} to be installed, got none")
            endings[key] = ending(one, name) if wanted else before[key]
            print(*key, endings[key], sep=" | ", flush=True)
    head, _, rest = text.partition(HEAD)
    GUIDE.write_text(head + HEAD + table(endings) + re.sub(r"\A(\|.*\n)*", "", rest))


if __name__ == "__main__":
    main(sys.argv[1:])
