"""The page and the contact sheet of a batch: what was varied as a grid of clips, and every job by outcome."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moft.batch.rows import Row
from moft.batch.store import Store
from moft.batch.table import job_of, values_of
from moft.batch.worker import CLIP
from moft.interpreter.page import rendered
from moft.media.files import staging
from moft.printing import harmless

if TYPE_CHECKING:
    from PIL.Image import Image

PAGE, SHEET = "sweep.html", "contact.png"
MOST = 300  # jobs on the page and the sheet; the table has all
INLINED = 40 * 2**20  # bytes of clips in the page; those beyond are named, not shown
_TILE, _LINE = 128, 14  # px: width of a tile of the sheet, height of its words


@dataclass
class Cell:
    """A job on the page."""

    key: str
    axes: dict[str, str]
    said: str  # what came of it, in words
    rank: tuple[int, float]  # by which outcomes are sorted, the best first
    clip: Path | None
    data: str | None = None  # of the clip, in base 64

    @property
    def label(self) -> str:
        """What tells it from the others."""
        return ", ".join(f"{name} {value}" for name, value in self.axes.items()) or self.key

    @property
    def words(self) -> list[str]:
        """The lines below it on the sheet."""
        return [*(self.axes.values() or [self.key]), self.said]


@dataclass
class Grid:
    """Cells in rows and columns; one row and no names where nothing was varied."""

    columns: list[str] = field(default_factory=list)
    rows: list[tuple[str, list[list[Cell]]]] = field(default_factory=list)


def write_page(stores: Sequence[Store], folder: Path) -> list[Path]:
    """`sweep.html`, one file without links outwards, and `contact.png`, of the first jobs of these stores.
    Where they are: nowhere without jinja2, or without a clip.

    Raises MediaError where they cannot be written."""
    jobs = sum(sum(store.counts().values()) for store in stores)
    rows = islice((row for store in stores for row in store.rows()), MOST)
    cells = _cells(list(rows), folder)
    if not any(cell.clip for cell in cells) or not find_spec("jinja2"):
        return []
    _inline(cells)
    with staging(folder) as aside:
        (aside / PAGE).write_text(_html(folder.name, cells, jobs), encoding="utf-8")
        _sheet(grid_of(cells)).save(aside / SHEET)
    return [folder / PAGE, folder / SHEET]


def _cells(rows: Sequence[Row], folder: Path) -> list[Cell]:
    """With the axes that were given; where none were, by what differs between jobs."""
    told = [values_of(row) for row in rows]
    axes = [
        {name[5:]: value for name, value in values.items() if name.startswith("axis:")} for values in told
    ]
    axes = axes if any(axes) else _differences(rows)
    return [_cell(*of, folder) for of in zip(rows, told, axes, strict=True)]


def _differences(rows: Sequence[Row]) -> list[dict[str, str]]:
    """Model, prompt, motion and seed of each job as it was asked, whatever became of it, as far as they
    differ; motions in the words of one that was made."""
    jobs = [job_of(row) for row in rows]
    motions = [json.dumps(job.get("requests")) for job in jobs]
    gave = [row.result or {} for row in rows]
    words = {at: one["asked"] for at, one in zip(motions, gave, strict=True) if "asked" in one}
    usual = [
        {
            "model": str(job.get("model")),
            "prompt": str(job.get("prompt")),
            "asked": words.get(motion, motion),
            "seed": str(job.get("seed")),
        }
        for job, motion in zip(jobs, motions, strict=True)
    ]
    differ = [name for name in ("model", "prompt", "asked", "seed") if len({u[name] for u in usual}) > 1]
    return [{name: u[name] for name in differ} for u in usual]


def _cell(row: Row, values: dict[str, Any], axes: dict[str, str], folder: Path) -> Cell:
    followed, share = values["followed"], values["share"]
    if row.state != "done":
        said, rank = f"{row.state}{f': {row.error}' if row.error else ''}", (3, 0.0)
    else:
        word = {True: "followed", False: "not followed", None: "cannot be told"}[followed]
        said = word if share is None else f"{word}, {share:.0%}"
        if followed is False and values["angle"] is not None:
            said += f", {values['angle']:.0f}° off"
        rank = ({True: 0, None: 1, False: 2}[followed], -min(share or 0.0, 1.0))
    clip = folder / row.key / CLIP
    return Cell(row.key, axes, said, rank, clip if row.state == "done" and clip.is_file() else None)


def _inline(cells: Sequence[Cell]) -> None:
    """Put clips into the page, as many as it can hold."""
    room = INLINED
    for cell in cells:
        if cell.clip is not None and (size := cell.clip.stat().st_size) <= room:
            room -= size
            cell.data = base64.b64encode(cell.clip.read_bytes()).decode()


def grid_of(cells: Sequence[Cell]) -> Grid:
    """The axis with most values lies across, the others are the rows; what was not varied is one row, the
    best outcome first. A place holds several cells where jobs differ otherwise."""
    values = dict[str, dict[str, None]]()
    for cell in cells:
        for name, value in cell.axes.items():
            values.setdefault(name, {})[value] = None
    if not values:
        return Grid([""] * len(cells), [("", [[cell] for cell in sorted(cells, key=lambda c: c.rank)])])
    across = max(values, key=lambda name: (len(values[name]), name))
    columns, rows = list(values[across]), dict[str, list[list[Cell]]]()
    for cell in cells:
        name = ", ".join(f"{axis} {cell.axes[axis]}" for axis in cell.axes if axis != across)
        places = rows.setdefault(name, [[] for _ in columns])
        if across in cell.axes:
            places[columns.index(cell.axes[across])].append(cell)
    return Grid([f"{across} {value}" for value in columns], list(rows.items()))


def _html(title: str, cells: Sequence[Cell], jobs: int) -> str:
    shown = {"title": title, "grid": grid_of(cells), "more": jobs - len(cells), "jobs": jobs}
    ranked = sorted(cells, key=lambda cell: cell.rank)
    return rendered(Path(__file__).parent / "sweep.html", **shown, ranked=ranked)


def _sheet(grid: Grid) -> Image:
    """The middle frame of every clip, laid out as on the page."""
    from PIL import Image, ImageDraw

    cells = [[cell for place in places for cell in place] for _, places in grid.rows]
    lines = [row[at : at + 12] for row in cells for at in range(0, len(row), 12)]
    tiles = [[(cell, _frame(cell)) for cell in line] for line in lines]
    high = max((tile.height for line in tiles for _, tile in line if tile is not None), default=_TILE)
    step = high + max(len(cell.words) for cell in chain(*cells)) * _LINE + 6
    sheet = Image.new("RGB", (max(map(len, tiles)) * (_TILE + 6) + 6, len(tiles) * step + 6), "white")
    draw = ImageDraw.Draw(sheet)
    for y, line in enumerate(tiles):
        for x, (cell, tile) in enumerate(line):
            at = (6 + x * (_TILE + 6), 6 + y * step)
            if tile is not None:
                sheet.paste(tile, at)
            for n, words in enumerate(cell.words):
                text = harmless(words).encode("ascii", "replace").decode()[: _TILE // 6]
                draw.text((at[0], at[1] + high + n * _LINE), text, fill="black")
    return sheet


def _frame(cell: Cell) -> Image | None:
    """The middle frame of a clip, as wide as a tile."""
    if cell.clip is None:
        return None
    from PIL import Image

    from moft.media.reading import read_video

    video = read_video(cell.clip)
    picture = Image.fromarray(video[len(video) // 2])
    return picture.resize((_TILE, max(1, round(picture.height * _TILE / picture.width))))
