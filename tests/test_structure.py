"""What importing costs, what is public, and which wing may import which."""

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
    "fastapi",
    "uvicorn",
}

# Imports go to earlier ranks only, and never to another wing of the same rank: what two need goes to an
# earlier one.
RANKS = (
    {"errors", "finite", "memory", "types", "optional", "ordinary", "plain", "printing", "provenance"},
    {"request"},
    {"metrics"},
    {"media", "models", "known"},
    {"field"},
    {"feature"},
    {"steering", "interpreter"},
    {"runs"},
    {"miniature", "diagnosis"},
    {"batch"},
    {"bench"},
    {"app"},
    {"cli"},
)


def loaded_by(program: str) -> set[str]:
    """Top-level packages in a fresh process."""
    program += "; import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_type_checkers_see_every_public_name() -> None:
    """Names are fetched on first use, so what has no import of its own there would be of any type."""
    seen = {
        alias.name: f"{node.module}".removeprefix("moft.")
        for node in ast.walk(ast.parse((PACKAGE / "__init__.py").read_text()))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == {**moft._HOMES, "annotations": "__future__", "TYPE_CHECKING": "typing", "Any": "typing"}
    assert sorted(moft._HOMES) == moft.__all__


def test_importing_moft_loads_nothing_heavy() -> None:
    assert not loaded_by("import moft") & (HEAVY | {"numpy"})


def test_a_request_is_made_without_torch_and_numpy() -> None:
    modules = [f"moft.request.{path.stem}" for path in (PACKAGE / "request").glob("[a-z]*.py")]
    assert not loaded_by(f"import {', '.join(modules)}") & (HEAVY | {"numpy"})


def test_modules_load_optional_packages_only_where_they_use_them() -> None:
    wings = set().union(*RANKS) - {"app", "cli", "bench", "miniature"}
    modules = [module_of(path) for path in sources() if wing(path) in wings]
    assert not loaded_by(f"import {', '.join(modules)}") & (HEAVY - {"torch"})


def test_public_names_are_sorted_importable_and_all_there_is() -> None:
    assert moft.__all__ == sorted(moft.__all__)
    assert set(moft.__all__) == set(moft._HOMES)
    for name in moft.__all__:
        assert getattr(moft, name).__doc__
        assert name in dir(moft)
    with pytest.raises(AttributeError, match="steer"):
        moft.nothing  # noqa: B018


def sources() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def module_of(path: Path) -> str:
    return ".".join(["moft", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")


def wing(path: Path) -> str:
    """The wing that a file stands in; a module on the ground is its own."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def rank(name: str) -> int:
    return next(i for i, names in enumerate(RANKS) if name in names)


def imported(tree: ast.Module) -> set[str]:
    """Modules of moft, by their full names, that a module imports, anywhere in it, but for its types
    alone."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.startswith("moft.") and name != "moft.__version__"}


def test_every_wing_has_a_rank() -> None:
    assert {wing(path) for path in sources()} == set().union(*RANKS)


@pytest.mark.parametrize("path", sources(), ids=module_of)
def test_a_wing_imports_earlier_ranks_only(path: Path) -> None:
    own = wing(path)
    for name in imported(ast.parse(path.read_text())):
        other = name.split(".")[1]
        other = moft._HOMES[other].partition(".")[0] if other in moft._HOMES else other
        ground = own in RANKS[0] and other in RANKS[0]
        assert other == own or ground or rank(other) < rank(own), f"{module_of(path)} imports {name}"


def test_no_module_has_the_name_of_a_public_function() -> None:
    """`import moft.x.steer` would hide what `moft.steer` is, or be hidden by it."""
    assert not {path.stem for path in sources()} & set(moft.__all__)


def test_every_module_says_what_it_is_for() -> None:
    for path in sources():
        assert ast.get_docstring(ast.parse(path.read_text())), path


# ---------------------------------------------------------------- what a person can hold in mind

MOST = {"modules": 12, "lines": 350, "function": 45, "parameters": 8}


def test_a_wing_has_few_modules() -> None:
    for folder in {path.parent for path in sources()}:
        modules = [path for path in folder.glob("*.py") if not path.name.startswith("__")]
        assert len(modules) <= MOST["modules"], folder


@pytest.mark.parametrize("path", sources(), ids=module_of)
def test_a_module_and_its_functions_are_short(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= MOST["lines"]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MOST["function"], f"{node.name} has {length} lines"
            if not is_command(node):
                assert parameters(node) <= MOST["parameters"], (
                    f"{node.name} has {parameters(node)} parameters"
                )


def parameters(node: ast.FunctionDef) -> int:
    """How many a caller can give; self and cls aside."""
    named = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    others = bool(node.args.vararg) + bool(node.args.kwarg)
    return len([name for name in named if name not in ("self", "cls")]) + others


def is_command(node: ast.FunctionDef) -> bool:
    """Whether it is one of the command line, whose parameters are options."""
    return any(".command" in ast.unparse(decorator) for decorator in node.decorator_list)
