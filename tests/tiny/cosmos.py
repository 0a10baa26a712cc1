"""The smallest Cosmos: 2.5, which predicts or is controlled, and 1, from words and from a clip."""

from __future__ import annotations

from typing import Any

from tiny.parts import TEXT, language, t5_text, wan_vae

WANTS = {
    "Cosmos2_5_PredictBasePipeline": lambda size: {"image": None, "video": None},
    "CosmosVideoToWorldPipeline": lambda size: {"video": None},
}


class _NoChecker:
    """Finds nothing wrong."""

    def to(self, device: Any) -> Any:
        return self

    def check_text_safety(self, text: str) -> bool:
        return True

    def check_video_safety(self, video: Any) -> Any:
        return video


def _cosmos_transformer(channels: int, **kwargs: Any) -> Any:
    from diffusers import CosmosTransformer3DModel

    return CosmosTransformer3DModel(
        **{
            "in_channels": channels,
            "out_channels": 16,
            "num_attention_heads": 2,
            "attention_head_dim": 16,
            "num_layers": 3,
            "mlp_ratio": 2,
            "text_embed_dim": 32,
            "adaln_lora_dim": 4,
            "max_size": (8, 32, 32),
            "concat_padding_mask": False,  # torchvision would resize it
            **kwargs,
        }
    )


def _cosmos25_parts(**kwargs: Any) -> dict[str, Any]:
    from diffusers import UniPCMultistepScheduler

    transformer = _cosmos_transformer(
        17,
        extra_pos_embed_type=None,
        use_crossattn_projection=True,
        crossattn_proj_in_channels=32,
        encoder_hidden_states_channels=32,
        **kwargs,
    )
    scheduler = UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=5.0
    )
    parts = {"transformer": transformer, "vae": wan_vae(), "scheduler": scheduler}
    return {**language(16), **parts, "safety_checker": _NoChecker()}


def cosmos25() -> Any:
    from diffusers import Cosmos2_5_PredictBasePipeline

    return Cosmos2_5_PredictBasePipeline(**_cosmos25_parts())


def _cosmos_parts(channels: int) -> dict[str, Any]:
    from diffusers import AutoencoderKLCosmos, EDMEulerScheduler

    vae = AutoencoderKLCosmos(
        latent_channels=16,
        encoder_block_out_channels=(8, 8, 8, 8),
        decode_block_out_channels=(8, 8, 8, 8),
        attention_resolutions=(8,),
        resolution=64,
        num_layers=2,
        patch_size=4,
        scaling_factor=1.0,
        spatial_compression_ratio=8,
        temporal_compression_ratio=8,
    )
    scheduler = EDMEulerScheduler(
        sigma_min=0.002,
        sigma_max=80,
        sigma_data=0.5,
        sigma_schedule="karras",
        prediction_type="epsilon",
        rho=7.0,
        final_sigmas_type="sigma_min",
    )
    transformer = _cosmos_transformer(channels, text_embed_dim=TEXT)
    parts = {"transformer": transformer, "vae": vae, "scheduler": scheduler}
    return {**t5_text(), **parts, "safety_checker": _NoChecker()}


def cosmos() -> Any:
    from diffusers import CosmosTextToWorldPipeline

    return CosmosTextToWorldPipeline(**_cosmos_parts(16))


def cosmos_video() -> Any:
    from diffusers import CosmosVideoToWorldPipeline

    return CosmosVideoToWorldPipeline(**_cosmos_parts(17))
