"""Video pipelines of diffusers that are not steered, and why: a table that a test holds against diffusers."""

from __future__ import annotations

from collections.abc import Mapping

_PIECES = "it makes a clip piece by piece, each from the one before, so no step sees the clip whole"
_FINISHES = "it has no denoising loop of its own to guide; steer the pipeline whose latents it is given"
_FRAMES = (
    "each latent frame has a timestep and a copy of the scheduler of its own, whose steps are not seen; use "
    "SkyReelsV2Pipeline or SkyReelsV2ImageToVideoPipeline"
)
_KEYFRAMES = (
    "clips that are shown to it lie as tokens of their own beside the latents; use LTX2Pipeline or "
    "LTX2ConditionPipeline"
)
_BROKEN = "in diffusers 0.42 it fails by itself, unsteered; use EasyAnimatePipeline"
_SOUND = "picture, sound and actions share one sequence of tokens, which no fact of a family describes yet"
_UNTRIED = "nobody has tried it"

REFUSED: Mapping[str, str] = {
    "AnimateDiffPAGPipeline": "its attention expects a third, perturbed part in the guidance batch, which a "
    "gradient of the conditional part alone does not have; use AnimateDiffPipeline.from_pipe(pipe)",
    "AnyFlowFARPipeline": _PIECES,
    "AnyFlowPipeline": "it is distilled to a few long steps, each told where it ends too; " + _UNTRIED,
    "ChronoEditPipeline": "it edits a picture; its few frames are dropped but for the last",
    "Cosmos2TextToImagePipeline": "it makes pictures",
    "Cosmos2VideoToWorldPipeline": "it scales latents by itself, which its scheduler does not tell; use "
    "Cosmos2_5_PredictBasePipeline",
    "Cosmos2_5_TransferPipeline": _PIECES,
    "Cosmos3DistilledModularPipeline": _SOUND,
    "Cosmos3OmniModularPipeline": _SOUND,
    "Cosmos3OmniPipeline": _SOUND,
    "EasyAnimateControlPipeline": _BROKEN,
    "EasyAnimateInpaintPipeline": _BROKEN,
    "EchoModularPipeline": _PIECES,
    "HeliosModularPipeline": _PIECES,
    "HeliosPipeline": _PIECES,
    "HeliosPyramidDistilledModularPipeline": _PIECES,
    "HeliosPyramidModularPipeline": _PIECES,
    "HeliosPyramidPipeline": _PIECES,
    "HunyuanVideoFramepackPipeline": _PIECES + "; use HunyuanVideoImageToVideoPipeline",
    "I2VGenXLPipeline": "diffusers has deprecated it, and " + _UNTRIED,
    "Kandinsky6SRPipeline": "it sharpens a clip, which moves already; steer the pipeline before it",
    "Kandinsky6TI2VAPipeline": _SOUND,
    "LTX2DFRPipeline": _KEYFRAMES,
    "LTX2DFRTemporalRefinePipeline": _KEYFRAMES,
    "LTX2HDRPipeline": _KEYFRAMES,
    "LTX2InContextPipeline": _KEYFRAMES,
    "LTX2LatentUpsamplePipeline": _FINISHES,
    "LTX2VideoDiffusionDecodePipeline": _FINISHES,
    "LTXI2VLongMultiPromptPipeline": _PIECES + "; use LTXConditionPipeline",
    "LTXLatentUpsamplePipeline": _FINISHES,
    "MiniMaxH3ModularPipeline": _SOUND,
    "MotifVideoImage2VideoPipeline": _UNTRIED,
    "MotifVideoPipeline": _UNTRIED,
    "SanaWMPipeline": _PIECES,
    "SkyReelsV2DiffusionForcingImageToVideoPipeline": _FRAMES,
    "SkyReelsV2DiffusionForcingPipeline": _FRAMES,
    "SkyReelsV2DiffusionForcingVideoToVideoPipeline": _FRAMES,
    "TextToVideoZeroPipeline": "its model knows pictures alone, so no feature of it holds motion",
    "TextToVideoZeroSDXLPipeline": "its model knows pictures alone, so no feature of it holds motion",
    "WanAnimate2DistilledModularPipeline": _PIECES,
    "WanAnimate2ModularPipeline": _PIECES,
    "WanAnimatePipeline": _PIECES,
}


def why_refused(name: str) -> str:
    """What to say of a pipeline of this table."""
    return f"{name} cannot be steered: {REFUSED[name]}. To add it, see docs/adding-a-backbone.md"
