"""An objective of one's own: a class with one method."""

from __future__ import annotations

from typing import Any

import torch

import moft


class Alike(moft.Objective):
    """All frames should look alike to the model: the features of its layer should not change."""

    def loss(self, look: Any) -> torch.Tensor:
        """Variance of the features (b f c h w) over the frames; gradients flow to the latents."""
        return look.features.var(dim=1).mean()


def main(steps: int = 25) -> None:
    """Samples a clip by it and says how fast that moves."""
    model = moft.load("miniature")
    alike = Alike(model.statistics.layer, model.statistics.timestep, steps=(0.12, 0.9))
    with moft.steer(model.pipe, alike):
        frames = model.pipe("red cells", num_frames=8, num_inference_steps=steps, output_type="np").frames[0]
    print(moft.measure((frames * 255).round().astype("uint8")).mean_speed, "px a frame")


if __name__ == "__main__":
    main()
