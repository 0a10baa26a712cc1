"""Networks of shapes alone: called with numbers they answer with noughts of the right shapes, and what each
call would compute and keep is counted.

So a whole pipeline runs as it will with weights, from its text encoder to its autoencoder, in seconds and in
the memory of what is handed between its parts.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from moft.diagnosis import counting
from moft.diagnosis.steps import nothing_masked, of_type
from moft.errors import BackboneError
from moft.printing import in_a_line

_DOORS = ("forward", "encode", "decode")  # by which pipelines call networks


@dataclass
class Call:
    """One way in which a network is called: by these arguments, whose shapes alone count."""

    memory: int  # bytes alive at most, beside the weights
    flops: int
    used: dict[int, int]  # bytes of each weight that takes part
    times: int  # how often so
    answer: Any = field(repr=False)  # fake tensors, of which shapes are made
    arguments: Callable[[], tuple[Any, dict[str, Any]]] = field(repr=False)  # anew, as fake tensors


class Hollow:
    """A network built without memory, and how it is called.

    Built with `build` inside a mode of fake tensors, in this type of numbers.
    """

    def __init__(self, build: Callable[[], nn.Module], dtype: torch.dtype) -> None:
        self.mode = FakeTensorMode(allow_non_fake_inputs=True)
        with self.mode, of_type(dtype), nothing_masked():
            self.module = build().eval()
            _widened(self.module, dtype)
        self.weights = sum(p.nbytes for p in (*self.module.parameters(), *self.module.buffers()))
        self.calls: dict[str, Call] = {}
        self._own = {door: getattr(self.module, door) for door in _DOORS if hasattr(self.module, door)}
        for door, own in self._own.items():
            setattr(self.module, door, self._answering(door, own))

    @property
    def memory(self) -> int:
        """Bytes that the dearest of its calls keeps beside the weights."""
        return max((call.memory for call in self.calls.values()), default=0)

    @property
    def flops(self) -> int:
        """Of all its calls."""
        return sum(call.flops * call.times for call in self.calls.values())

    @property
    def used(self) -> int:
        """Bytes of the weights that take part in any of its calls."""
        return sum({key: size for call in self.calls.values() for key, size in call.used.items()}.values())

    @contextmanager
    def bare(self) -> Iterator[nn.Module]:
        """Inside, the network itself, in the mode in which it was built."""
        for door in self._own:
            delattr(self.module, door)
        try:
            with self.mode, nothing_masked():
                yield self.module
        finally:
            for door, own in self._own.items():
                setattr(self.module, door, self._answering(door, own))

    def _answering(self, door: str, own: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(own)  # pipelines ask what it takes
        def answer(*args: Any, **kwargs: Any) -> Any:
            key = f"{door} {_shapes((args, kwargs))}"
            if key in self.calls:
                self.calls[key].times += 1
            else:
                self.calls[key] = self._counted(own, args, kwargs)
            return _noughts(self.calls[key].answer)

        return answer

    def _counted(self, own: Callable[..., Any], args: Any, kwargs: Any) -> Call:
        shapes = _mapped(lambda t: (t.shape, t.dtype), (args, kwargs))
        found: list[Any] = []

        def anew() -> tuple[Any, dict[str, Any]]:
            made: tuple[Any, dict[str, Any]] = _made(shapes)
            return made

        def run() -> None:
            given, named = anew()
            found[:] = [own(*given, **named)]

        with self.bare(), torch.no_grad():
            used = dict[int, int]()
            memory = counting.memory(run, used)
            answer = found.pop()
            flops = counting.flops(run)
        return Call(memory, flops, used, 1, answer, anew)


class _Shape(tuple[Any, ...]):
    """Of a tensor: its sides and type."""


def _mapped(function: Callable[[Tensor], Any], value: Any) -> Any:
    """`function` of every tensor in tuples, lists, dicts and the outputs of networks; distributions, which
    autoencoders give, by their parameters."""
    if isinstance(value, Tensor):
        found = function(value)
        return _Shape(found) if isinstance(found, tuple) else found
    if isinstance(value, dict):  # outputs are
        made = {name: _mapped(function, item) for name, item in value.items()}
        return made if type(value) is dict else type(value)(**made)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_mapped(function, item) for item in value))
    if isinstance(value, list | tuple):
        return type(value)(_mapped(function, item) for item in value)
    if hasattr(value, "parameters") and hasattr(value, "mode") and hasattr(value, "logvar"):
        return type(value)(_mapped(function, value.parameters))
    return value


def _made(value: Any) -> Any:
    """Tensors of the shapes that `_mapped` left in their places."""
    if isinstance(value, _Shape):
        shape, dtype = value
        return torch.zeros(shape, dtype=dtype)
    if isinstance(value, dict):
        return {name: _made(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_made(item) for item in value)
    return value


def _noughts(answer: Any) -> Any:
    return _mapped(lambda t: torch.zeros(t.shape, dtype=t.dtype), answer)


def _shapes(value: Any) -> str:
    return repr(_mapped(lambda t: (tuple(t.shape), str(t.dtype)), value))


def _widened(module: nn.Module, dtype: torch.dtype) -> None:
    """What the class keeps in 32 bits, as loaders do: transformers' some in float16 alone."""
    always = getattr(module, "_keep_in_fp32_modules_strict", None) or []
    names = getattr(module, "_keep_in_fp32_modules", None) or []
    theirs = type(module).__module__.startswith("transformers")
    wide = {*always, *(names if not theirs or dtype == torch.float16 else [])}
    if dtype == torch.float32 or not wide:
        return
    for name, parameter in module.named_parameters():
        if wide & set(name.split(".")):
            parameter.data = parameter.data.float()


def hollow(build: Callable[[], nn.Module], dtype: torch.dtype, name: str) -> Hollow:
    """A network by what builds it. Raises BackboneError, naming it, where that cannot be done."""
    try:
        return Hollow(build, dtype)
    except Exception as error:  # whatever a constructor raises
        got = f"{type(error).__name__}: {in_a_line(error):.200}"
        raise BackboneError(f"cannot count what {name} needs: expected its network, got {got}") from error
