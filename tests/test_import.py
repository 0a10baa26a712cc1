"""What importing costs, what is public, and which module may import which."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import moft

PACKAGE = Path(moft.__file__).parent
HEAVY = {
    "torch",
    "diffusers",
    "transformers",
    "accelerate",
    "matplotlib",
    "jinja2",
    "av",
    "cv2",
    "typer",
    "rich",
    "skimage",
    "pyiqa",
    "sklearn",
}

# Imports go to earlier rows only. The miniature stands beside them: the library knows where it lies, no more.
ROWS = (
    {"errors"},
    {"feature", "fields", "motion", "video", "hooks", "metrics", "steady", "tensors"},
    {"backbones", "region", "tracks"},
    {"tap", "fidelity"},
    {"between", "inversion", "encoders"},
    {"clip_features"},
    {"channels"},
    {"correspondence", "reference"},
    {"guidance", "interpret"},
    {"readout", "sweeps", "drag"},
    {"miniature"},
    {"recipe", "outcome", "figures", "pictures", "subjects"},
    {"compare", "options", "present"},
    {"reader", "calibrate", "dragged"},
    {"scores"},
    {"report"},
    {"explain"},
    {"bench"},
    {"cli"},
    {"demo"},
)


def loaded_by(program: str) -> set[str]:
    """Top-level packages in a fresh process."""
    program += "; import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_moft_loads_nothing_heavy() -> None:
    assert not loaded_by("import moft") & (HEAVY | {"numpy"})


@pytest.mark.parametrize(
    "module",
    [
        "guidance",
        "reference",
        "metrics",
        "tracks",
        "fidelity",
        "video",
        "region",
        "outcome",
        "options",
        "miniature",
        "interpret",
        "sweeps",
        "readout",
        "figures",
        "explain",
    ],
)
def test_modules_load_optional_packages_only_where_they_use_them(module: str) -> None:
    assert not loaded_by(f"import moft.{module}") & (HEAVY - {"torch"})


def test_public_names_are_sorted_importable_and_all_there_is() -> None:
    assert moft.__all__ == sorted(moft.__all__)
    assert set(moft.__all__) == set(moft._HOMES)
    for name in moft.__all__:
        assert getattr(moft, name).__doc__ if name != "miniature_path" else moft.miniature_path()
        assert name in dir(moft)
    with pytest.raises(AttributeError, match="steer"):
        moft.nothing  # noqa: B018


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def unit(path: Path) -> str:
    """The row entry that a file belongs to: its module, or its folder."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def row(name: str) -> int:
    return next(i for i, names in enumerate(ROWS) if name in names)


def imported(tree: ast.Module) -> set[str]:
    """Units of moft that a module imports, anywhere in it, but for its types alone."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = f"moft.{node.module or ''}" if node.level else node.module or ""
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            if package == "moft" and rest:
                first = rest.partition(".")[0]
                found.add(moft._HOMES.get(first, first) if not (PACKAGE / f"{first}.py").exists() else first)
    return found - {"__version__", ""}


def test_every_module_has_a_row() -> None:
    assert {unit(path) for path in sources()} - {"__init__"} <= set().union(*ROWS)


@pytest.mark.parametrize(
    "path", [p for p in sources() if unit(p) != "__init__"], ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_a_module_imports_earlier_rows_only(path: Path) -> None:
    own = unit(path)
    for other in imported(ast.parse(path.read_text())) - {own}:
        assert (PACKAGE / f"{other}.py").exists() or (PACKAGE / other).is_dir(), other
        assert row(other) < row(own), f"{own} imports {other}"


def test_every_module_says_what_it_is_for() -> None:
    for path in sources():
        assert ast.get_docstring(ast.parse(path.read_text())), path
