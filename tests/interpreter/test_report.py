"""What a report shows."""

from __future__ import annotations

from typing import Any

from moft.media.reading import read_video


def test_every_figure_comes_as_png_and_svg_and_every_clip_as_a_video(explained: Any) -> None:
    figures = explained.out / "figures"
    stems = {p.stem for p in figures.glob("*.png")}
    assert (
        {
            "directions",
            "weights",
            "curves",
            "curves_timesteps",
            "designs",
            "layers",
            "models",
            "timesteps",
            "motion_maps",
            "shares",
            "scores",
            "sweep_moft",
        }
        <= stems
        == {p.stem for p in figures.glob("*.svg")}
    )
    assert read_video(figures / "heat_1.mp4").shape[0] == 8 and (figures / "heat_2.mp4").exists()
    assert (explained.out / "data" / "curves.csv").read_text().startswith("timestep,clip,motion,frame,true_x")
