"""How Sphinx builds the site: `make docs`. Pages are MyST Markdown; the reference is made from docstrings."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "extensions")]

import moft  # noqa: E402

project = "moft"
author = "the authors of moft"
copyright = f"%Y, {author}"
release = version = moft.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",  # "Args:" and "Raises:" in docstrings
    "sphinx_copybutton",
    "docstrings",
    "fields",
    "commands",
]
exclude_patterns = ["_build", "extensions"]

html_theme = "furo"
html_title = f"moft {release}"
html_show_sphinx = False
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["moft.css"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3  # headings can be linked to, as on GitHub

default_role = "py:obj"  # `moft.steer` in a docstring is a link if there is such a name, else plain code
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True
maximum_signature_line_length = 90  # longer ones have a line for each parameter

copybutton_exclude = ".linenos, .gp, .go"
