"""What ComfyUI and transformers import of it."""

from enum import Enum

from torchvision.transforms import functional

InterpolationMode = Enum(
    "InterpolationMode", ["NEAREST", "NEAREST_EXACT", "BILINEAR", "BICUBIC", "BOX", "HAMMING", "LANCZOS"]
)

__all__ = ["InterpolationMode", "functional"]
