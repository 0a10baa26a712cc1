"""The shipped model: small enough for a laptop, real in every part. `python -m moft.miniature --help` remakes
it."""

from __future__ import annotations
