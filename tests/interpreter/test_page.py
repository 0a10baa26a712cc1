"""The page of a report."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from moft.interpreter.page import Page


def test_the_report_is_one_page_that_asks_for_nothing(explained: Any) -> None:
    page = (explained.out / "report.html").read_text()
    sources: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:
            assert tag not in ("script", "link", "iframe", "object")
            sources.extend(value for name, value in attrs if name in ("src", "href", "srcset", "poster"))

    Reader().feed(page)
    assert len(sources) > 10 and all(value.startswith("data:") for value in sources)
    assert "default-src 'none'" in page and "url(" not in page and "@import" not in page


def test_names_of_files_are_escaped(explained: Any) -> None:
    page = (explained.out / "report.html").read_text()
    assert "<img src=x" not in page and "&lt;img src=x" in page


def test_names_are_no_formulas_and_no_orders_in_figures_and_on_the_page(tmp_path: Path) -> None:
    from moft.interpreter.figures.style import bare, legend_below, new_figure, render, styled

    names = ("$x", "$\\frac{$", "$\\mathdefault{$", "a\x1b[31m\x00b", "caf\udce9", "--><b>", "two\nlines")
    for name in names:
        folder = tmp_path / str(names.index(name))
        folder.mkdir()
        page = Page(folder)
        with styled():
            figure, panels = new_figure(1, 2, 4, 3)
            panels[0, 0].plot([1, 10], [1, 2], label=name)
            panels[0, 0].set(xscale="log")
            bare(panels[0, 1], name)
            legend_below(figure, panels[0, 0], 1, name)
        page.section(name, name)
        page.figure("one", figure, name)
        page.data("one", [name], [[name, 1]])
        ElementTree.fromstring(render(figure, "svg"))
        text = page.html(name, {name: name}, [name])
        assert "\x1b" not in text and "\x00" not in text and "<b>" not in text and text.encode()
