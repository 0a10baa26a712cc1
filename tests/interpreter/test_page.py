"""The page of a report."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any


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
