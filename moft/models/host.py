"""What a program that samples video gives, so that its models can be read and steered."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from moft.types import ClipSize

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor, nn

    from moft.models.families import Family
    from moft.models.parametrisation import Parametrisation


class Host(ABC):
    """A video model in the program that samples from it: of diffusers, `moft.models.pipeline.Pipeline`.

    A second program (ComfyUI, say) gives what stands here, and nothing else: `Tap` reads through it, and what
    steers asks the tap. Latents are (b c f h w) here; in the denoiser's own arguments they lie as `family`
    says, which is also where a layer's name, its output's layout and the denoiser's arguments are read.
    Nothing given away is changed for good.
    """

    family: Family

    # ------------------------------------------------------------ the model

    @property
    @abstractmethod
    def denoisers(self) -> list[nn.Module]:
        """All the networks that predict, whole and uncompiled or compiled in place: their calls are watched
        by hooks."""

    @abstractmethod
    def at_work(self, timestep: float) -> Any:
        """The one of them that predicts at this timestep (0…1000)."""

    @property
    @abstractmethod
    def device(self) -> torch.device:
        """Where the models run, also if they wait elsewhere (offloading)."""

    @property
    @abstractmethod
    def pixels_per_cell(self) -> int:
        """Side in px of one cell of the latents."""

    @property
    def frame_stride(self) -> int:
        """Frames of video per latent frame after the first."""
        return self.family.frame_stride

    @abstractmethod
    def encode(self, video: Tensor) -> Tensor:
        """Video (b f 3 h w) in 0…1 → latents (b c f h w), scaled as the denoiser expects them."""

    def clip_size(self, latents: Tensor) -> ClipSize:
        """Frames, height and width in px of the video that these latents (b c f h w) decode to."""
        frames, height, width = latents.shape[2:]
        length = (frames - 1) * self.frame_stride + self.family.first_frames
        return ClipSize(length, height * self.pixels_per_cell, width * self.pixels_per_cell)

    # ------------------------------------------------------------ the schedule

    @property
    @abstractmethod
    def timesteps(self) -> Tensor:
        """The timesteps (n,) of the run at hand, the noisiest first: the whole schedule, also of a run that
        joins late."""

    @abstractmethod
    def scaled(self, latents: Tensor, timestep: Tensor | int) -> Tensor:
        """Latents between two steps → as the denoiser takes them at `timestep`. Linear in the latents."""

    @abstractmethod
    def forget_last_sample(self) -> None:
        """Let the next step start from latents that were changed since the last one, as if that had handed
        them out."""

    def carries(self, index: int) -> bool:
        """Whether a change made before a step, of those that a run makes (1…), is taken up by it."""
        return True

    @property
    @abstractmethod
    def parametrisation(self) -> Parametrisation:
        """What noise levels and predictions mean."""

    @abstractmethod
    def ddim(self, steps: int) -> tuple[float, list[tuple[int, float]]]:
        """√ᾱ of what a DDIM run of so many steps ends in, and each step's (timestep, √ᾱ), the noisiest first.

        Raises:
            BackboneError: the sampler is not DDIM; clips cannot be inverted for it.
        """

    # ------------------------------------------------------------ running

    @abstractmethod
    def run(self, prompt: list[str], latents: Tensor, images: np.ndarray | None = None, *, steps: int) -> Any:
        """Sample in so many steps, without guidance, from latents (b c f h w), one prompt each, up to the
        last latents.

        Args:
            images: uint8 (b h w 3), first frames for a model that starts from one; None is grey.
        Raises:
            BackboneError: the model wants more than a prompt or a first frame.
        """

    def starts(self, begin: Callable[[], None]) -> AbstractContextManager[None]:
        """Inside the block `begin()` is called before each run. A program that cannot say when one begins
        leaves this out: then a run begins where steps count anew."""
        return nullcontext()

    def check(self) -> None:
        """Raise BackboneError if the model is no longer the one that this host was made for. Asked before
        each call of a denoiser."""
        return

    @property
    def own(self) -> object:
        """What no two steered runs can share: of diffusers, the scheduler."""
        return self

    @property
    def takes_one(self) -> bool:
        """Whether the model must be asked for one clip at a time, as it takes one image for all of them."""
        return self.starts_from_image

    @property
    @abstractmethod
    def starts_from_image(self) -> bool:
        """Whether the model wants the first frame, or a frame to hold on to."""

    @abstractmethod
    def between_steps(
        self, change: Callable[[Tensor, Any], Tensor], by_callback: bool
    ) -> AbstractContextManager[None]:
        """Inside the block, latents that a step hands on at its timestep are `change(latents, timestep)` of
        them, both as the host has them (`Family.stepped`).

        Args:
            by_callback: the user hands `change` to the host's own callback; the host only says whether it has
                one.
        Raises:
            BackboneError: it has none.
        """
