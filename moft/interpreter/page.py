"""A report in the making: its sections and its files. `report.html` is the frame of the page, `page.css` the
looks that it shares with other pages."""

from __future__ import annotations

import base64
import csv
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from moft.interpreter.figures.style import render
from moft.printing import harmless

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _readable(value: Any) -> Any:
    return harmless(value) if isinstance(value, str) else value


def rendered(frame: Path, **shown: Any) -> str:
    """A page of a frame for jinja, which may include `page.css`. Everything shown is escaped, and control
    characters left out: names of files are anybody's."""
    from jinja2 import Environment, FileSystemLoader

    ours = FileSystemLoader(Path(__file__).parent)
    template = Environment(autoescape=True, finalize=_readable, loader=ours).from_string(
        frame.read_text(encoding="utf-8")
    )
    return template.render(**shown)


@dataclasses.dataclass
class Section:
    """A heading and what stands under it."""

    title: str
    text: list[str]
    pictures: list[dict[str, str]] = dataclasses.field(default_factory=list)
    videos: list[dict[str, str]] = dataclasses.field(default_factory=list)
    table: list[list[str]] | None = None


class Page:
    """Collects sections, and writes their figures and data into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.sections = folder, list[Section]()
        for name in ("figures", "data"):
            (folder / name).mkdir()

    def section(self, title: str, *text: str) -> Section:
        """Begin a section; what is added from now on goes there."""
        self.sections.append(Section(title, list(text)))
        return self.sections[-1]

    def figure(self, name: str, figure: Figure, says: str) -> None:
        """A figure as PNG and SVG, and inlined into the current section; `says` is for those who cannot see
        it."""
        for kind in ("svg", "png"):
            data = render(figure, kind)
            (self.folder / "figures" / f"{name}.{kind}").write_bytes(data)
        self.sections[-1].pictures.append({"data": base64.b64encode(data).decode(), "says": says})

    def video(self, name: str, frames: np.ndarray, says: str) -> None:
        """Frames uint8 (f h w 3) as MP4, and inlined into the current section."""
        from moft.media.writing import write_video

        path = self.folder / "figures" / f"{name}.mp4"
        write_video(path, frames, fps=4)
        self.sections[-1].videos.append({"data": base64.b64encode(path.read_bytes()).decode(), "says": says})

    def data(self, name: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """A CSV of raw data."""
        with open(self.folder / "data" / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerows(map(_readable, row) for row in (head, *rows))

    def html(self, title: str, facts: Mapping[str, str], notes: Sequence[str]) -> str:
        """The page."""
        frame = Path(__file__).parent / "report.html"
        return rendered(frame, title=title, facts=facts, notes=notes, sections=self.sections)
