"""What training sees when: stages of a curriculum, by the clips that were seen before."""

from __future__ import annotations

import dataclasses

from moft.known.renderer import FRAMES
from moft.known.world.scenes import Mixture


@dataclasses.dataclass(frozen=True)
class Stage:
    """One stage of a curriculum. Counts are of clips of eight frames: a longer clip counts as more, eight
    single frames as one."""

    begin: int  # clips seen before it
    mixture: Mixture
    stills: float  # share of steps on single frames, which train all but the motion modules
    shift: float  # weight of the auxiliary motion output; at nought it reads along and helps nothing
    quiet: float = (
        1.0  # clips see timestep 1000 · u ** quiet, u uniform: above 1 mostly little noise, below 1 much
    )
    lengths: tuple[int, ...] = (FRAMES,)  # frames of the clips of a step, each as likely
    boiling: float = 0.0  # weight of v's disagreement with itself along the true flow
    agreed: float = (
        0.0  # weight of the difference that the prompt makes at little noise, which guidance enlarges
    )

    @property
    def frames(self) -> set[int]:
        """Every number of frames that its steps show."""
        return ({1} if self.stills else set()) | (set(self.lengths) if self.stills < 1 else set())


# Looks first, from single frames, as AnimateDiff trains motion modules on top of an image model; then motion,
# from steady pans alone to the whole world, helped by an auxiliary output whose weight falls once motion has
# come; shapes again; and from there on longer clips with every motion and no help: once as many clips again
# were seen, the last half of the training was unhelped.
PANS = Mixture(textures=200, photos=0.05, near=0, flows=0, rolls=0, zooms=0, steady=0.95)
SOME = Mixture(near=0, flows=0, rolls=0, zooms=0.05, steady=0.9)
_FLOWS = dataclasses.replace(SOME, flows=0.3, zooms=0.1)
STAGES = (
    Stage(0, Mixture(), stills=1, shift=0),
    Stage(8_000, dataclasses.replace(PANS, objects=0.3), stills=0.1, shift=5.0, quiet=2.5),
    Stage(18_000, dataclasses.replace(PANS, objects=0.5), stills=0.2, shift=1.0, quiet=1.3),
    Stage(23_500, dataclasses.replace(PANS, objects=0.5), stills=0.1, shift=0.5, quiet=0.8),
    Stage(40_000, SOME, stills=0.1, shift=0.5),
    Stage(53_000, _FLOWS, stills=0.35, shift=1.0),
    Stage(62_000, _FLOWS, stills=0.5, shift=0.5, quiet=0.8),
    Stage(84_000, _FLOWS, stills=1, shift=0.5),
    Stage(122_000, _FLOWS, stills=0.5, shift=0.5, quiet=0.8),
    Stage(136_000, Mixture(), stills=0.2, shift=0, quiet=0.8, lengths=(FRAMES, FRAMES, 16), boiling=1.0),
    Stage(138_000, Mixture(), stills=0.2, shift=0.5, quiet=0.8, lengths=(FRAMES, FRAMES, 16), boiling=1.0),
    Stage(387_000, Mixture(), 0.2, 0.5, lengths=(FRAMES, FRAMES, 16), boiling=0.5, agreed=5.0),
)
