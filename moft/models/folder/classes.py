"""Which classes a folder names: a pipeline of a known family, components of diffusers and transformers."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

from moft.errors import BackboneError
from moft.models.families import FAMILIES, REFUSED, why_refused
from moft.models.folder.files import check_file, read_settings, refused

INDEX = "model_index.json"
MODULAR = "modular_model_index.json"  # of a pipeline that is put together from blocks
RENAMED = {"CLIPFeatureExtractor": "CLIPImageProcessor", "SiglipFeatureExtractor": "SiglipImageProcessor"}


@dataclass(frozen=True)
class Kind:
    """What derives from one base class: its file of settings, and how its weights are called."""

    base: str  # in its package
    settings: str
    weights: str | None = None  # without the ending
    needed: bool = True  # whether the file of settings must be there


KINDS = {
    "diffusers": (
        Kind("ModelMixin", "config.json", "diffusion_pytorch_model"),
        Kind("SchedulerMixin", "scheduler_config.json"),
        Kind("guiders.BaseGuidance", "guider_config.json"),
    ),
    "transformers": (
        Kind("PreTrainedModel", "config.json", "model"),
        Kind("PreTrainedTokenizerBase", "tokenizer_config.json", needed=False),
        Kind("ImageProcessingMixin", "preprocessor_config.json", needed=False),
        Kind("FeatureExtractionMixin", "preprocessor_config.json", needed=False),
        Kind("ProcessorMixin", "processor_config.json", needed=False),
    ),
}


@dataclass(frozen=True)
class Component:
    """One part of a pipeline: where its files lie, and what they are made into."""

    folder: Path
    package: str
    cls: Any
    kind: Kind

    @property
    def settings(self) -> Path:
        """Its file of settings."""
        return self.folder / self.kind.settings


def pipeline_of(root: Path) -> tuple[Any, dict[str, Any], list[Component]]:
    """The class of a folder's pipeline, its own settings, and its components.

    Raises BackboneError for anything but classes of diffusers and transformers."""
    index = index_of(root)
    if (root / "None.py").exists():  # which diffusers up to 0.37 takes for a pipeline that was asked for
        check_file(root / "None.py", root)
    check_file(index, root)
    data = read_settings(index)
    pipeline = _pipeline(index, data.pop("_class_name", None))
    needed = _needed(pipeline)
    for name in needed:
        if not isinstance(data.get(name), list) or data[name] == [None, None]:
            raise refused(index, f"{name}: expected a package and a class, got {data.get(name)!r:.100}")
    own = {name: value for name, value in data.items() if not isinstance(value, list)}
    pairs = {name: value for name, value in data.items() if isinstance(value, list)}
    if index.name == MODULAR:
        pairs = {name: pair for name, value in pairs.items() if (pair := _lying_here(index, name, value))}
    parts = [_component(index, name, value) for name, value in pairs.items() if value != [None, None]]
    return pipeline, own, parts


def index_of(root: Path) -> Path:
    """The file that says what a folder holds. Raises BackboneError if it has none."""
    for name in (INDEX, MODULAR):
        if (root / name).exists():
            return root / name
    raise BackboneError(f"cannot load {root}: expected a diffusers pipeline, got no {INDEX} in it")


def blocks_of(index: Path, pipeline: Any) -> Any:
    """The class of the blocks that a modular pipeline is put together from.

    Raises BackboneError for any but those that diffusers has under a name: what others are of is written in
    no folder."""
    import diffusers

    name = read_settings(index).get("_blocks_class_name") or pipeline.default_blocks_name
    found = getattr(diffusers, name, None) if isinstance(name, str) and name.isidentifier() else None
    known = isinstance(found, type) and issubclass(found, diffusers.ModularPipelineBlocks)
    if known and getattr(found, "block_classes", None):  # which the bases have not
        return found
    raise refused(
        index,
        f"_blocks_class_name: expected blocks of diffusers, got {name!r:.100}; put the pipeline together in "
        "Python and steer it with moft.steer(pipe, ...)",
    )


def _lying_here(index: Path, name: str, value: list[Any]) -> list[Any] | None:
    """Package and class of a part of a modular pipeline, whose index may say of each where else it lies: only
    what is in the folder counts. None for one that it names nowhere."""
    if len(value) != 3 or not isinstance(value[2], dict):
        raise refused(index, f"{name}: expected a package, a class and a place, got {value!r:.100}")
    package, cls, place = value
    if cls is None and place.get("pretrained_model_name_or_path") is None:
        return None
    if not (index.parent / name).is_dir():
        raise refused(
            index,
            f"{name}: expected its files in the folder {name}, got none; nothing is fetched for it: load the "
            "pipeline in Python, and steer it with moft.steer(pipe, ...), or keep it whole with "
            "pipe.save_pretrained(folder)",
        )
    return [package, cls] if cls is not None else place.get("type_hint") or [package, cls]


def _needed(pipeline: Any) -> list[str]:
    """Components without which there is no such pipeline."""
    given = inspect.signature(pipeline.__init__).parameters.values()
    names = [
        p.name for p in given if p.default is p.empty and p.kind is not p.VAR_KEYWORD and p.name != "self"
    ]
    return [name for name in names if name not in pipeline._optional_components]


def _pipeline(index: Path, name: Any) -> Any:
    import diffusers

    base = diffusers.ModularPipeline if index.name == MODULAR else diffusers.DiffusionPipeline
    known = [pipeline for family in FAMILIES for pipeline in family.pipelines]
    if isinstance(name, str) and name.isidentifier():
        found = getattr(diffusers, name, None)
        if isinstance(found, type) and issubclass(found, base):
            if {cls.__name__ for cls in found.__mro__} & set(known):
                return found
            if name in REFUSED:
                raise BackboneError(why_refused(name))
            raise BackboneError(
                f"expected a pipeline of a known family, got {name}; known: {', '.join(known)}. "
                "To add one, see docs/adding-a-backbone.md"
            )
    raise refused(index, f"_class_name: expected a pipeline class of diffusers, got {name!r:.100}")


def _module(package: str) -> tuple[Any, str]:
    """Where the classes of a package are looked for, and which of `KINDS` it counts as. Parts that belong to
    one pipeline alone diffusers keeps, and names in its folders, beside it. None: not imported."""
    if package in KINDS:
        return importlib.import_module(package), package
    if importlib.util.find_spec(f"diffusers.pipelines.{package}") is None:
        return None, package
    return importlib.import_module(f"diffusers.pipelines.{package}"), "diffusers"


def _component(index: Path, name: str, value: list[Any]) -> Component:
    if not name.isidentifier():
        raise refused(index, f"expected names of components, got {name!r:.100}")
    if len(value) != 2 or not all(isinstance(word, str) and word.isidentifier() for word in value):
        raise refused(index, f"{name}: expected a package and a class, got {value!r:.100}")
    package, cls = value
    module, package = _module(package)
    if module is None:
        raise refused(
            index,
            f"{name}: expected a class of diffusers or transformers, got one of {package:.100}, which is not "
            "imported",
        )
    found, whole = getattr(module, RENAMED.get(cls, cls), None), importlib.import_module(package)
    if isinstance(found, type):
        for kind in KINDS[package]:
            if issubclass(found, attrgetter(kind.base)(whole)):
                return Component(index.parent / name, package, found, kind)
        if lacks := getattr(found, "_backends", None):  # a stand-in for a class whose packages are missing
            raise refused(index, f"{name}: {cls} needs {', '.join(map(str, lacks))}; install it")
    raise refused(index, f"{name}: expected a model, scheduler or tokenizer of {package}, got {cls:.100}")
