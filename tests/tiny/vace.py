"""The smallest Wan VACE."""

from __future__ import annotations

from typing import Any

from tiny.wan import _wan_parts, _wan_transformer


def _vace_transformer() -> Any:
    return _wan_transformer(kind="WanVACETransformer3DModel", vace_layers=[0, 2], vace_in_channels=96)


def vace() -> Any:
    from diffusers import WanVACEPipeline

    return WanVACEPipeline(**_wan_parts(), transformer=_vace_transformer())
