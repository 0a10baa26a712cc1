"""Every component built once without memory, so that settings which do not go together are found before."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_buffer_registration_hook,
    register_module_parameter_registration_hook,
)

from moft.models.folder.classes import Component
from moft.models.folder.files import refused
from moft.models.folder.settings import Build, culprit
from moft.models.folder.weights import Held
from moft.printing import in_a_line

_SPARE = 2**16  # parameters, of which no weights need be kept
_MANY = 2**16  # tensors, where it is not known how many there are
_TABLES = 2**24  # numbers that are computed and not kept: of positions, of masks
_UNKNOWN = 2**36  # parameters, by a quarter, that are built where it is not known how many there are
_PACKED = 4  # in a byte, of weights that are quantised


class TooMuchError(Exception):
    """More is being built than there are weights for."""


def check_builds(component: Component, settings: dict[str, Any], held: Held | None) -> None:
    """Raise BackboneError unless the settings build what the component's class is, with its weights; None:
    these are not known.

    Models are built on the device `meta`, where numbers take no memory, and no further than weights reach.
    """
    build = _builder(component, held or Held({}, _UNKNOWN))
    if build is None:
        return
    try:
        built = build(settings)
    except Exception as error:  # whatever a constructor raises
        name = culprit(build, settings, error)
        got = f"{type(error).__name__}: {in_a_line(error):.200}"
        about = f"{name}: got {settings[name]!r:.100}; " if name else ""
        raise refused(
            component.settings, f"{about}expected settings that {component.cls.__name__} takes, got {got}"
        ) from error
    if isinstance(built, nn.Module) and held is not None:
        _check_complete(component, built, held)


def _builder(component: Component, held: Held) -> Build | None:
    cls = component.cls
    if component.kind.base in ("SchedulerMixin", "guiders.BaseGuidance"):
        return cls.from_config
    if component.kind.weights is None:  # tokenizers and processors, which are read only
        return None

    def build(settings: dict[str, Any]) -> Any:
        with _no_further_than(held), torch.device("meta"):
            if component.package == "diffusers":
                return cls.from_config(settings)
            return cls(cls.config_class.from_dict(settings))

    return build


def _check_complete(component: Component, built: nn.Module, held: Held) -> None:
    """What lacks weights would be filled with noise, without a word. Older versions, and transformers', name
    some otherwise: there, half of the last parts of the names must be known."""
    wanted = {name for name, _ in built.named_parameters()}
    exact = component.package == "diffusers" and held.shapes.keys() <= wanted
    kept = held.shapes.keys() if exact else {_ending(name) for name in held.shapes}
    missing = sorted(name for name in wanted if (name if exact else _ending(name)) not in kept)
    if len(missing) > (0 if exact else len(wanted) / 2):
        raise refused(
            component.folder,
            f"expected weights for all of {component.cls.__name__}, got none for {missing[0]:.100} and "
            f"{len(missing) - 1} others; fetch the model again",
        )


def _ending(name: str) -> str:
    return ".".join(name.split(".")[-2:])


@contextmanager
def _no_further_than(held: Held) -> Iterator[None]:
    """Modules of this thread are built inside, with as many parameters as are held, and somewhat more."""
    thread = threading.get_ident()
    left = {
        "tensors": 2 * len(held.shapes) + (256 if held.shapes else _MANY),
        "parameters": _PACKED * held.size + _SPARE,
        "tables": held.size + _TABLES,
    }

    def count(tensor: Tensor | None, kind: str) -> None:
        if tensor is None or threading.get_ident() != thread:
            return
        left["tensors"] -= 1
        left[kind] -= tensor.numel()
        if min(left.values()) < 0:
            raise TooMuchError("more than there are weights for")

    hooks = (
        register_module_parameter_registration_hook(lambda module, name, value: count(value, "parameters")),
        register_module_buffer_registration_hook(lambda module, name, value: count(value, "tables")),
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for hook in hooks:
            hook.remove()
