"""Pipelines of the real diffusers classes with random weights, as small as they run: one a family, and their variants.

Each is built with the kind of scheduler that the family's checkpoints ship.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from PIL import Image

from moft.models.families import family_of
from moft.models.tap import Tap
from moft.types import ClipSize

CELLS = (8, 12)  # rows and columns of the latents: not square, so that no test misses that they are swapped
LATENT_FRAMES = 5
STEPS = 6
TEXT = 64  # width of the tiny text encoders


def clip_size(pipe: Any, cells: tuple[int, int] = CELLS) -> ClipSize:
    """The size at which a tiny pipeline samples."""
    return Tap(pipe).clip_size(torch.empty(1, 1, LATENT_FRAMES, *cells))


def sample(
    pipe: Any, prompt: Any = "a ball", seed: int = 0, cells: tuple[int, int] = CELLS, **kwargs: Any
) -> Any:
    """Latents of a short run with guidance on, in the pipeline's own layout."""
    family, size = family_of(pipe), clip_size(pipe, cells)
    count = len(prompt) if isinstance(prompt, list) else 1
    picture = Image.fromarray(
        np.random.default_rng(seed).integers(0, 255, (size.height, size.width, 3), np.uint8)
    )
    draws = [torch.Generator().manual_seed(seed + i) for i in range(count)]
    torch.manual_seed(seed)  # SparseCtrl draws without a generator
    offered: dict[str, Any] = {
        "prompt": prompt,
        "image": picture if "prompt" in _parameters(pipe) else [picture] * count,
        "video": [picture] * size.frames,
        "conditioning_frames": [picture]
        * (1 if "controlnet_frame_indices" in _parameters(pipe) else size.frames),
        family.frames: size.frames,
        "height": size.height,
        "width": size.width,
        "guidance_scale": 4.0,
        "strength": 1.0,
        "num_inference_steps": STEPS,
        "generator": draws if count > 1 else draws[0],
        "output_type": "latent",
    }
    offered = {name: value for name, value in offered.items() if name in _parameters(pipe)}
    if "conditions" in _parameters(pipe):  # LTX takes a picture or a clip
        del offered["video"]
    return pipe(**{**offered, **kwargs}).frames


def _parameters(pipe: Any) -> Any:
    return inspect.signature(pipe.__call__).parameters


# ---------------------------------------------------------------- parts


def _clip() -> dict[str, Any]:
    from moft.miniature import model

    tokens = model.tokenizer()
    return {"text_encoder": model.text_encoder(tokens), "tokenizer": tokens}


def _t5() -> dict[str, Any]:
    from moft.miniature import latte

    tokens = latte.tokenizer()
    return {"text_encoder": latte.text_encoder(tokens), "tokenizer": tokens}


def _vae() -> Any:
    from moft.miniature import model

    return model.vae()


def _see(side: int) -> Any:
    from transformers import CLIPVisionConfig

    return CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=side,
        patch_size=side // 2,
        projection_dim=32,
    )


def _image_processor(side: int) -> Any:
    from transformers import CLIPImageProcessor

    return CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side})


def _ddim() -> Any:
    """With v-prediction, since what a random network calls noise would blow the latents up from step to step."""
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        beta_schedule="linear", clip_sample=False, steps_offset=1, prediction_type="v_prediction"
    )


# ---------------------------------------------------------------- one a family


def _animatediff_parts() -> dict[str, Any]:
    from moft.miniature import model

    unet = model.denoiser((32, 32, 32))
    return {**_clip(), "vae": _vae(), "unet": unet, "motion_adapter": None, "scheduler": _ddim()}


def animatediff() -> Any:
    from diffusers import AnimateDiffPipeline

    return AnimateDiffPipeline(**_animatediff_parts())


def _modelscope_parts() -> dict[str, Any]:
    from diffusers import UNet3DConditionModel

    unet = UNet3DConditionModel(
        sample_size=16,
        block_out_channels=(32, 32, 32),
        layers_per_block=1,
        norm_num_groups=8,
        down_block_types=("CrossAttnDownBlock3D", "CrossAttnDownBlock3D", "DownBlock3D"),
        up_block_types=("UpBlock3D", "CrossAttnUpBlock3D", "CrossAttnUpBlock3D"),
        cross_attention_dim=TEXT,
        attention_head_dim=8,
    )
    return {**_clip(), "vae": _vae(), "unet": unet, "scheduler": _ddim()}


def modelscope() -> Any:
    from diffusers import TextToVideoSDPipeline

    return TextToVideoSDPipeline(**_modelscope_parts())


def svd() -> Any:
    from diffusers import (
        AutoencoderKLTemporalDecoder,
        EulerDiscreteScheduler,
        StableVideoDiffusionPipeline,
        UNetSpatioTemporalConditionModel,
    )
    from transformers import CLIPVisionModelWithProjection

    unet = UNetSpatioTemporalConditionModel(
        sample_size=16,
        block_out_channels=(32, 32, 32),
        layers_per_block=1,
        num_attention_heads=(2, 2, 2),
        down_block_types=(
            "CrossAttnDownBlockSpatioTemporal",
            "CrossAttnDownBlockSpatioTemporal",
            "DownBlockSpatioTemporal",
        ),
        up_block_types=(
            "UpBlockSpatioTemporal",
            "CrossAttnUpBlockSpatioTemporal",
            "CrossAttnUpBlockSpatioTemporal",
        ),
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=24,
        cross_attention_dim=32,
        num_frames=LATENT_FRAMES,
    )
    vae = AutoencoderKLTemporalDecoder(
        down_block_types=("DownEncoderBlock2D",) * 3, block_out_channels=(32, 32, 32)
    )
    scheduler = EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        timestep_type="continuous",
        sigma_min=0.002,
        sigma_max=700.0,
        use_karras_sigmas=True,
        steps_offset=1,
        timestep_spacing="leading",
    )
    return StableVideoDiffusionPipeline(
        vae=vae,
        unet=unet,
        scheduler=scheduler,
        image_encoder=CLIPVisionModelWithProjection(_see(224)),
        feature_extractor=_image_processor(224),
    )


def _cogvideox_parts(channels: int) -> dict[str, Any]:
    from diffusers import AutoencoderKLCogVideoX, CogVideoXDDIMScheduler, CogVideoXTransformer3DModel

    transformer = CogVideoXTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=16,
        in_channels=channels,
        out_channels=4,
        time_embed_dim=8,
        text_embed_dim=TEXT,
        num_layers=3,
        sample_height=8,
        sample_width=12,
        sample_frames=13,
        use_rotary_positional_embeddings=True,
    )
    vae = AutoencoderKLCogVideoX(
        down_block_types=("CogVideoXDownBlock3D",) * 3,
        up_block_types=("CogVideoXUpBlock3D",) * 3,
        block_out_channels=(8, 8, 8),
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=4,
        sample_height=32,
        sample_width=48,
    )
    scheduler = CogVideoXDDIMScheduler(
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        set_alpha_to_one=True,
        snr_shift_scale=3.0,
    )
    return {**_t5(), "vae": vae, "transformer": transformer, "scheduler": scheduler}


def cogvideox() -> Any:
    from diffusers import CogVideoXPipeline

    return CogVideoXPipeline(**_cogvideox_parts(4))


def _wan_transformer(channels: int = 16, **kwargs: Any) -> Any:
    from diffusers import WanTransformer3DModel

    return WanTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=channels,
        out_channels=16,
        text_dim=TEXT,
        freq_dim=64,
        ffn_dim=32,
        num_layers=3,
        rope_max_seq_len=32,
        **kwargs,
    )


def _wan_parts() -> dict[str, Any]:
    from diffusers import AutoencoderKLWan, UniPCMultistepScheduler

    vae = AutoencoderKLWan(
        base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
    )
    scheduler = UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
    )
    return {**_t5(), "vae": vae, "scheduler": scheduler}


def wan() -> Any:
    from diffusers import WanPipeline

    return WanPipeline(**_wan_parts(), transformer=_wan_transformer())


def _ltx_parts() -> dict[str, Any]:
    from diffusers import AutoencoderKLLTXVideo, FlowMatchEulerDiscreteScheduler, LTXVideoTransformer3DModel

    transformer = LTXVideoTransformer3DModel(
        in_channels=8,
        out_channels=8,
        num_attention_heads=2,
        attention_head_dim=16,
        cross_attention_dim=32,
        num_layers=3,
        caption_channels=TEXT,
    )
    vae = AutoencoderKLLTXVideo(
        latent_channels=8,
        block_out_channels=(8, 8, 8, 8),
        decoder_block_out_channels=(8, 8, 8, 8),
        layers_per_block=(1,) * 5,
        decoder_layers_per_block=(1,) * 5,
        spatio_temporal_scaling=(True, True, True, False),
        decoder_spatio_temporal_scaling=(True, True, True, False),
    )
    scheduler = FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=True, base_shift=0.95, max_shift=2.05, shift_terminal=0.1
    )
    return {**_t5(), "vae": vae, "transformer": transformer, "scheduler": scheduler}


def ltx() -> Any:
    from diffusers import LTXPipeline

    return LTXPipeline(**_ltx_parts())


def latte() -> Any:
    from diffusers import LattePipeline, LatteTransformer3DModel

    transformer = LatteTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=16,
        in_channels=4,
        out_channels=8,
        num_layers=3,
        cross_attention_dim=32,
        attention_bias=True,
        sample_size=8,
        patch_size=2,
        activation_fn="gelu-approximate",
        num_embeds_ada_norm=1000,
        norm_type="ada_norm_single",
        norm_elementwise_affine=False,
        caption_channels=TEXT,
        video_length=LATENT_FRAMES,
    )
    return LattePipeline(**_t5(), vae=_vae(), transformer=transformer, scheduler=_ddim())


def hunyuan() -> Any:
    from diffusers import (
        AutoencoderKLHunyuanVideo,
        FlowMatchEulerDiscreteScheduler,
        HunyuanVideoPipeline,
        HunyuanVideoTransformer3DModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel, LlamaConfig, LlamaModel

    clip, words = _clip()["tokenizer"], _words()
    transformer = HunyuanVideoTransformer3DModel(
        in_channels=4,
        out_channels=4,
        num_attention_heads=2,
        attention_head_dim=16,
        num_layers=3,
        num_single_layers=1,
        num_refiner_layers=1,
        text_embed_dim=16,
        pooled_projection_dim=TEXT,
        rope_axes_dim=(4, 6, 6),
    )
    vae = AutoencoderKLHunyuanVideo(
        latent_channels=4,
        down_block_types=("HunyuanVideoDownBlock3D",) * 4,
        up_block_types=("HunyuanVideoUpBlock3D",) * 4,
        block_out_channels=(8, 8, 8, 8),
        layers_per_block=1,
        norm_num_groups=4,
    )
    llama = LlamaModel(
        LlamaConfig(
            vocab_size=len(words),
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=3,
            num_attention_heads=2,
        )
    )
    pooled = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(clip),
            hidden_size=TEXT,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=77,
            bos_token_id=clip.bos_token_id,
            eos_token_id=clip.eos_token_id,
        )
    )
    return HunyuanVideoPipeline(
        text_encoder=llama,
        tokenizer=words,
        text_encoder_2=pooled,
        tokenizer_2=clip,
        transformer=transformer,
        vae=vae,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0),
    )


def _words() -> Any:
    """A tokenizer that knows the words of HunyuanVideo's template, which must be as many as the pipeline cuts off."""
    from diffusers.pipelines.hunyuan_video.pipeline_hunyuan_video import DEFAULT_PROMPT_TEMPLATE
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    split = pre_tokenizers.Whitespace()
    known = [
        word
        for word, _ in split.pre_tokenize_str(DEFAULT_PROMPT_TEMPLATE["template"] + " a ball an uneven plain")
    ]
    vocabulary = {word: i for i, word in enumerate(dict.fromkeys(("<unk>", "<pad>", *known)))}
    tokens = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokens.pre_tokenizer = split
    return PreTrainedTokenizerFast(tokenizer_object=tokens, unk_token="<unk>", pad_token="<pad>")


def mochi() -> Any:
    from diffusers import (
        AutoencoderKLMochi,
        FlowMatchEulerDiscreteScheduler,
        MochiPipeline,
        MochiTransformer3DModel,
    )

    transformer = MochiTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=16,
        num_layers=3,
        pooled_projection_dim=16,
        text_embed_dim=TEXT,
        time_embed_dim=8,
        max_sequence_length=16,
    )
    vae = AutoencoderKLMochi(
        encoder_block_out_channels=(32, 32, 32, 32),
        decoder_block_out_channels=(32, 32, 32, 32),
        layers_per_block=(1,) * 5,
    )
    return MochiPipeline(
        **_t5(),
        transformer=transformer,
        vae=vae,
        scheduler=FlowMatchEulerDiscreteScheduler(invert_sigmas=True),
    )


def allegro() -> Any:
    from diffusers import (
        AllegroPipeline,
        AllegroTransformer3DModel,
        AutoencoderKLAllegro,
        EulerAncestralDiscreteScheduler,
    )

    transformer = AllegroTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=18,
        num_layers=3,
        cross_attention_dim=36,
        caption_channels=TEXT,
        sample_height=8,
        sample_width=12,
        sample_frames=LATENT_FRAMES,
    )
    vae = AutoencoderKLAllegro(block_out_channels=(8, 8, 8, 8), layers_per_block=1, norm_num_groups=4)
    vae.enable_tiling()  # without, diffusers refuses; its one size of tile must fit the clip
    vae.kernel = vae.stride = (4 * LATENT_FRAMES, 8 * CELLS[0], 8 * CELLS[1])
    scheduler = EulerAncestralDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction"
    )
    return AllegroPipeline(**_t5(), transformer=transformer, vae=vae, scheduler=scheduler)


BUILDERS: dict[str, Callable[[], Any]] = {
    build.__name__: build
    for build in (animatediff, modelscope, svd, cogvideox, wan, ltx, latte, hunyuan, mochi, allegro)
}


# ---------------------------------------------------------------- their other pipelines


def animatediff_video() -> Any:
    from diffusers import AnimateDiffVideoToVideoPipeline

    return AnimateDiffVideoToVideoPipeline(**_animatediff_parts())


def animatediff_controlnet() -> Any:
    from diffusers import AnimateDiffControlNetPipeline, ControlNetModel

    controlnet = ControlNetModel(
        block_out_channels=(32, 32, 32),
        layers_per_block=1,
        norm_num_groups=16,
        cross_attention_dim=TEXT,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        attention_head_dim=8,
        conditioning_embedding_out_channels=(16, 16, 16),
    )
    _awaken(controlnet)
    return AnimateDiffControlNetPipeline(**_animatediff_parts(), controlnet=controlnet)


def animatediff_sparsectrl() -> Any:
    from diffusers import AnimateDiffSparseControlNetPipeline, SparseControlNetModel

    controlnet = SparseControlNetModel(
        block_out_channels=(32, 32, 32),
        layers_per_block=1,
        norm_num_groups=16,
        cross_attention_dim=TEXT,
        down_block_types=("DownBlockMotion", "CrossAttnDownBlockMotion", "CrossAttnDownBlockMotion"),
        attention_head_dim=8,
        motion_num_attention_heads=2,
    )
    _awaken(controlnet)
    return AnimateDiffSparseControlNetPipeline(**_animatediff_parts(), controlnet=controlnet)


def _awaken(controlnet: Any) -> None:
    """Weights for the projections that a control net starts with at zero: without, it would have no say."""
    for parameter in controlnet.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)


def animatediff_sdxl() -> Any:
    from diffusers import AnimateDiffSDXLPipeline, UNetMotionModel
    from transformers import CLIPTextModelWithProjection

    parts = _animatediff_parts()
    config = {k: v for k, v in parts["unet"].config.items() if not k.startswith("_")}
    config |= {
        "cross_attention_dim": 2 * TEXT,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 6 * 8 + TEXT,
    }
    second = CLIPTextModelWithProjection(parts["text_encoder"].config)
    return AnimateDiffSDXLPipeline(
        **{**parts, "unet": UNetMotionModel(**config)}, text_encoder_2=second, tokenizer_2=parts["tokenizer"]
    )


def modelscope_video() -> Any:
    from diffusers import VideoToVideoSDPipeline

    return VideoToVideoSDPipeline(**_modelscope_parts())


def cogvideox_image() -> Any:
    from diffusers import CogVideoXDPMScheduler, CogVideoXImageToVideoPipeline

    parts = _cogvideox_parts(8)
    parts["scheduler"] = CogVideoXDPMScheduler.from_config(
        parts["scheduler"].config
    )  # as the 5b models have it
    return CogVideoXImageToVideoPipeline(**parts)


def wan_image() -> Any:
    """Wan 2.1: the image also goes through an encoder of its own."""
    from diffusers import WanImageToVideoPipeline
    from transformers import CLIPVisionModel

    transformer = _wan_transformer(36, image_dim=32, added_kv_proj_dim=24)
    return WanImageToVideoPipeline(
        **_wan_parts(),
        transformer=transformer,
        image_encoder=CLIPVisionModel(_see(32)),
        image_processor=_image_processor(32),
    )


def wan22() -> Any:
    """Wan 2.2: one denoiser for the noisy steps, one for the others."""
    from diffusers import WanPipeline

    both = {"transformer": _wan_transformer(), "transformer_2": _wan_transformer()}
    return WanPipeline(**_wan_parts(), **both, boundary_ratio=0.9)


def wan22_image() -> Any:
    from diffusers import WanImageToVideoPipeline

    both = {"transformer": _wan_transformer(36), "transformer_2": _wan_transformer(36)}
    return WanImageToVideoPipeline(**_wan_parts(), **both, boundary_ratio=0.9)


def wan22_5b() -> Any:
    """Wan 2.2 5B: a timestep per token."""
    from diffusers import WanPipeline

    return WanPipeline(**_wan_parts(), transformer=_wan_transformer(), expand_timesteps=True)


def wan22_5b_image() -> Any:
    from diffusers import WanImageToVideoPipeline

    return WanImageToVideoPipeline(**_wan_parts(), transformer=_wan_transformer(), expand_timesteps=True)


def ltx_image() -> Any:
    from diffusers import LTXImageToVideoPipeline

    return LTXImageToVideoPipeline(**_ltx_parts())


def ltx_condition() -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler, LTXConditionPipeline

    return LTXConditionPipeline(**{**_ltx_parts(), "scheduler": FlowMatchEulerDiscreteScheduler()})


VARIANTS: dict[str, Callable[[], Any]] = {
    build.__name__: build
    for build in (
        animatediff_video,
        animatediff_controlnet,
        animatediff_sparsectrl,
        animatediff_sdxl,
        modelscope_video,
        cogvideox_image,
        wan_image,
        wan22,
        wan22_image,
        wan22_5b,
        wan22_5b_image,
        ltx_image,
        ltx_condition,
    )
}


@cache
def tiny(name: str) -> Any:
    """The pipeline of a builder, made once; tests leave it as they found it."""
    torch.manual_seed(0)
    pipe = (BUILDERS | VARIANTS)[name]()
    for part in pipe.components.values():
        if isinstance(part, torch.nn.Module):
            part.eval()
    pipe.set_progress_bar_config(disable=True)
    return pipe
