"""See, stop at, or replace what a named submodule computes. Knows torch, not diffusion.

Everything is a context manager: the model is as it was when the block ends, however it ends, and in whichever
order several end. What is put on a model counts in the thread that put it there: another thread may run the
same weights for a run of its own.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from moft.errors import BackboneError, RequestError


class _Stop(BaseException):
    """Ends a forward pass early. Not an `Exception`, so that no `except Exception` on the way swallows it."""


_CHANGING = threading.RLock()  # held while something is put on a shared object, or taken off


class _Here(threading.local):
    aside = 0


_here = _Here()


@contextmanager
def aside() -> Iterator[None]:
    """Calls of a model inside the block, by this thread, are not the sampling program's own."""
    _here.aside += 1
    try:
        yield
    finally:
        _here.aside -= 1


def is_aside() -> bool:
    """Whether this thread is in such a block."""
    return _here.aside > 0


def here_only(hook: Callable[..., Any]) -> Callable[..., Any]:
    """A hook that does nothing in other threads than this one."""
    thread = threading.get_ident()

    @functools.wraps(hook)
    def hooked(*args: Any, **kwargs: Any) -> Any:
        return hook(*args, **kwargs) if threading.get_ident() == thread else None

    return hooked


class _Wrapped:
    """Stands in an object for one of its methods while anything is around that."""

    def __init__(self, owner: Any, name: str) -> None:
        self.own = vars(owner).get(name)  # offloading and other programs put one into the object itself
        self.original = getattr(owner, name)
        functools.update_wrapper(self, self.original, updated=())
        self.wrappers: tuple[Callable[..., Any], ...] = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        call = self.original
        for wrapper in self.wrappers:
            call = functools.partial(wrapper, call)
        return call(*args, **kwargs)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """Of a copied object: its own method, with nothing around it."""
        import copy

        return copy.deepcopy(self.original, memo)


@contextmanager
def around(owner: Any, name: str, wrapper: Callable[..., Any]) -> Iterator[None]:
    """Inside the block a call of the method is one of `wrapper(method, …)`. Of several the last is outermost;
    each goes by itself, and with the last one all that was put there."""
    with _CHANGING:
        wrapped = vars(owner).get(name)
        if not isinstance(wrapped, _Wrapped):
            wrapped = _Wrapped(owner, name)
            setattr(owner, name, wrapped)
        wrapped.wrappers = (*wrapped.wrappers, wrapper)
    try:
        yield
    finally:
        with _CHANGING:
            wrapped.wrappers = tuple(other for other in wrapped.wrappers if other is not wrapper)
            if not wrapped.wrappers and vars(owner).get(name) is wrapped:  # else it lies under another's
                if wrapped.own is None:
                    delattr(owner, name)
                else:
                    setattr(owner, name, wrapped.own)


def submodule(model: nn.Module, name: str) -> nn.Module:
    """The submodule called `name`, e.g. `"up_blocks.1"`. Raises `BackboneError` naming what is there."""
    try:
        return model.get_submodule(name)
    except AttributeError:
        parent = name.rpartition(".")[0]
        try:
            near = [
                f"{parent}.{child}".strip(".") for child, _ in model.get_submodule(parent).named_children()
            ]
        except AttributeError:
            near = [child for child, _ in model.named_children()]
        raise BackboneError(
            f"no layer {name!r} in {type(model).__name__}; there are: {', '.join(near)}"
        ) from None


@contextmanager
def capture(model: nn.Module, names: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Collect the output of each named submodule (the last one, if it runs more than once) into a dict."""
    seen: dict[str, Any] = {}
    with ExitStack() as stack:
        for name in names:

            def keep(_module: nn.Module, _args: object, output: Any, name: str = name) -> None:
                seen[name] = output

            stack.callback(submodule(model, name).register_forward_hook(here_only(keep)).remove)
        yield seen


def run_until(model: nn.Module, name: str, call: Callable[[], object]) -> Any:
    """Run `call()`, which runs `model`, only as far as the submodule `name`; returns that one's output.

    The layers behind it cost neither time nor memory. Works with gradient checkpointing, offloading and a
    compiled model, because nothing of the model is changed. Raises BackboneError if it is not reached.
    """
    outputs: list[Any] = []

    def stop(_module: nn.Module, _args: object, output: Any) -> None:
        outputs.append(output)
        raise _Stop

    handle = submodule(model, name).register_forward_hook(here_only(stop))
    try:
        call()
    except _Stop:
        return outputs[0]
    finally:
        handle.remove()
    raise _unreached(model, name)


def _unreached(model: nn.Module, name: str) -> BackboneError:
    return BackboneError(
        f"{type(model).__name__} ran without reaching {name!r}; choose a layer that every forward pass runs"
    )


@contextmanager
def recorded_until(model: nn.Module, name: str) -> Iterator[list[Any]]:
    """What runs inside is recorded for a backward pass as far as the submodule `name`, and no further.

    Yields a list that the submodule's output is put into. Raises BackboneError if it is not reached.
    """
    outputs: list[Any] = []

    def stop(_module: nn.Module, _args: object, output: Any) -> None:
        outputs.append(output)
        torch.set_grad_enabled(False)  # until the block below ends

    handle = submodule(model, name).register_forward_hook(here_only(stop))
    try:
        with torch.enable_grad():
            yield outputs
    finally:
        handle.remove()
    if not outputs:
        raise _unreached(model, name)


_asking: WeakKeyDictionary[nn.Module, list[nn.Parameter]] = WeakKeyDictionary()
_freezing: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()  # how many blocks, of all threads


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """No parameter asks for a gradient inside the block; each is as it was after the last such block."""
    with _CHANGING:
        if not _freezing.get(model):
            _asking[model] = [p for p in model.parameters() if p.requires_grad]
            for p in _asking[model]:
                p.requires_grad_(False)
        _freezing[model] = _freezing.get(model, 0) + 1
    try:
        yield
    finally:
        with _CHANGING:
            _freezing[model] -= 1
            if not _freezing[model]:
                for p in _asking.pop(model):
                    p.requires_grad_(True)


@contextmanager
def checkpointed(model: nn.Module, pattern: str, until: str) -> Iterator[None]:
    """Submodules whose names match keep nothing but their input for the backward pass, and compute the rest
    again there: a third more work, several times less memory, the same gradient. Works whether or not the
    model offers checkpointing.

    Args:
        pattern: regular expression of whole names; matches may not contain one another.
        until: the layer at which the forward pass stops; what contains it is left as it is.
    """
    from torch.utils.checkpoint import checkpoint

    chosen = [
        m
        for name, m in model.named_modules()
        if re.fullmatch(pattern, name) and not until.startswith(name + ".")
    ]
    thread = threading.get_ident()

    def again(forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if threading.get_ident() != thread:
            return forward(*args, **kwargs)
        return checkpoint(forward, *args, use_reentrant=False, **kwargs)

    with ExitStack() as stack:
        for module in chosen:
            stack.enter_context(around(module, "forward", again))
        yield


def gradient(loss: Tensor, inputs: Tensor, *, keep: bool = False) -> Tensor | None:
    """∂loss/∂inputs, computed in this thread on every device, so that hooks know whose layers are computed
    again; None if the one does not depend on the other. keep: another gradient follows."""
    if not loss.requires_grad:
        return None
    with torch.autograd.set_multithreading_enabled(False):
        return torch.autograd.grad(loss, inputs, retain_graph=keep, allow_unused=True)[0]


class SharedKV:
    """Keys and values of one run, replayed in another (paper, Sec. 3.3): the content of the first is kept.

    Records the *input* of `to_k` and `to_v` (half the size of keys and values), so no attention processor is
    replaced and every attention backend works. Whoever runs the model says by `moment` which call is at hand.

    Args:
        attentions: attention modules, by name.
        projections: what makes keys and values in them.
    """

    def __init__(
        self, attentions: Mapping[str, nn.Module], projections: tuple[str, str] = ("to_k", "to_v")
    ) -> None:
        self.attentions, self.projections = dict(attentions), projections
        self._local = threading.local()
        self.bank: dict[tuple[int, int, str], Tensor] = {}
        for name, attention in self.attentions.items():
            if getattr(attention, "fused_projections", False):
                raise BackboneError(f"{name}: its projections are fused; call unfuse_qkv_projections() first")

    @property
    def moment(self) -> tuple[int, int] | None:
        """(denoising step, call in it) that this thread is at; None: neither is done."""
        found: tuple[int, int] | None = getattr(self._local, "moment", None)
        return found

    @moment.setter
    def moment(self, moment: tuple[int, int] | None) -> None:
        self._local.moment = moment

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Keep what each attention takes inside the block, whole: with all parts of the guidance batch."""

        def keep(name: str, _module: nn.Module, args: tuple[Tensor, ...]) -> None:
            if self.moment is not None and not is_aside():
                with torch.inference_mode(False):  # else it could not be replayed where gradients are wanted
                    self.bank[(*self.moment, name)] = args[0].detach().clone()

        with self._hooked(keep, self.projections[:1]):
            yield

    @contextmanager
    def replaying(self) -> Iterator[None]:
        """Put what was recorded at the moment in place of the run's own. Keep the block open until backward
        is done: gradient checkpointing runs the forward pass again.

        Raises RequestError, in the model's call, if nothing of that kind was recorded at the moment."""

        def swap(name: str, _module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            return args if self.moment is None else (self._stored(name, args[0]), *args[1:])

        with self._hooked(swap, self.projections):
            yield

    @contextmanager
    def _hooked(self, hook: Callable[..., Any], projections: Sequence[str]) -> Iterator[None]:
        with ExitStack() as stack:
            for name, attention in self.attentions.items():
                for projection in projections:
                    module = attention.get_submodule(projection)
                    stack.callback(module.register_forward_pre_hook(functools.partial(hook, name)).remove)
            yield

    def _stored(self, name: str, own: Tensor) -> Tensor:
        """What was recorded for this input; of a guidance batch the last rows, if only that part is run."""
        assert self.moment is not None
        stored = self.bank.get((*self.moment, name))
        if stored is None or stored.shape[1:] != own.shape[1:] or len(stored) < len(own):
            got = "none" if stored is None else f"them for {tuple(stored.shape)}"
            raise RequestError(
                f"expected keys and values of a plain run like this one (step {self.moment[0]}, "
                f"inputs {tuple(own.shape)}), got {got}; record it with the same arguments, and keys=True"
            )
        return stored[-len(own) :].to(own)


def map_tree(function: Callable[[Tensor], Any], value: Any) -> Any:
    """`function` of all tensors in nested tuples, lists and dicts; whatever else is in them stays."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, dict):
        return {key: map_tree(function, item) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(map_tree(function, item) for item in value))
    if isinstance(value, (list, tuple)):
        return type(value)(map_tree(function, item) for item in value)
    return value


def concatenated(values: Sequence[Any]) -> Any:
    """Outputs for the parts of a batch → that of the whole: tensors, tuples or diffusers' outputs."""
    first = values[0]
    if isinstance(first, Tensor):
        return torch.cat(list(values))
    if isinstance(first, tuple):
        return tuple(concatenated(items) for items in zip(*values, strict=True))
    return type(first)(**{name: concatenated([value[name] for value in values]) for name in first})
