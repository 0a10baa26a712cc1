"""See, stop at, or replace what a named submodule computes. Knows torch, not diffusion.

Everything is a context manager: the model is as it was when the block ends, however it ends.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from moft.errors import BackboneError


class _Stop(BaseException):
    """Ends a forward pass early. Not an `Exception`, so that no `except Exception` on the way swallows it."""


def submodule(model: nn.Module, name: str) -> nn.Module:
    """The submodule called `name`, e.g. `"up_blocks.1"`. Raises `BackboneError` naming what is there."""
    try:
        return model.get_submodule(name)
    except AttributeError:
        parent = name.rpartition(".")[0]
        try:
            near = [f"{parent}.{child}".strip(".") for child, _ in model.get_submodule(parent).named_children()]
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

            stack.callback(submodule(model, name).register_forward_hook(keep).remove)
        yield seen


def run_until(model: nn.Module, name: str, call: Callable[[], object]) -> Any:
    """Run `call()`, which runs `model`, only as far as the submodule `name`, and return that submodule's output.

    The layers behind it cost neither time nor memory. Works with gradient checkpointing, offloading and a
    compiled model, because nothing of the model is changed.
    """
    found: list[Any] = []

    def stop(_module: nn.Module, _args: object, output: Any) -> None:
        found.append(output)
        raise _Stop

    handle = submodule(model, name).register_forward_hook(stop)
    try:
        call()
    except _Stop:
        return found[0]
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

    Yields a list that the submodule's output is put into.
    """
    found: list[Any] = []

    def stop(_module: nn.Module, _args: object, output: Any) -> None:
        found.append(output)
        torch.set_grad_enabled(False)  # until the block below ends

    handle = submodule(model, name).register_forward_hook(stop)
    try:
        with torch.enable_grad():
            yield found
    finally:
        handle.remove()
    if not found:
        raise _unreached(model, name)


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """No parameter asks for a gradient inside the block; each is as it was afterwards."""
    asking = [p for p in model.parameters() if p.requires_grad]
    for p in asking:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in asking:
            p.requires_grad_(True)


@contextmanager
def checkpointed(model: nn.Module, pattern: str, until: str) -> Iterator[None]:
    """Submodules whose names match keep nothing but their input for the backward pass, and compute the rest again there:
    a third more work, several times less memory, the same gradient. Works whether or not the model offers checkpointing.

    Args:
        pattern: regular expression of whole names; matches may not contain one another.
        until: the layer at which the forward pass stops; what contains it is left as it is.
    """
    from torch.utils.checkpoint import checkpoint

    chosen = [m for name, m in model.named_modules() if re.fullmatch(pattern, name) and not until.startswith(name + ".")]
    own = [vars(module).get("forward") for module in chosen]  # offloading puts one there
    try:
        for module in chosen:
            module.forward = functools.partial(checkpoint, module.forward, use_reentrant=False)
        yield
    finally:
        for module, forward in zip(chosen, own, strict=True):
            vars(module).pop("forward", None)
            if forward is not None:
                module.forward = forward


class SharedKV:
    """Keys and values of one run, replayed in another (paper, Sec. 3.3): the content of the first is kept.

    Records the *input* of `to_k` and `to_v` (half the size of keys and values), so no attention processor is
    replaced and every attention backend works.

    Args:
        model: the denoiser.
        sites: names of attention modules having `to_k` and `to_v`.
    """

    def __init__(self, model: nn.Module, sites: Sequence[str]) -> None:
        self.attentions = {name: submodule(model, name) for name in sites}
        self.bank: dict[tuple[int, str], Tensor] = {}
        for name, attention in self.attentions.items():
            if getattr(attention, "fused_projections", False):
                raise BackboneError(f"{name}: its projections are fused; call unfuse_qkv_projections() first")

    @contextmanager
    def record(self, step: int, cfg: int) -> Iterator[None]:
        """Keep the conditional part of the first call inside: the last of `cfg` equal parts of the batch. Where guidance
        is two calls, the first is the conditional one."""
        fresh = set(self.attentions)
        with ExitStack() as stack:
            for name, attention in self.attentions.items():

                def keep(_module: nn.Module, args: tuple[Tensor, ...], name: str = name) -> None:
                    if name in fresh:
                        fresh.remove(name)
                        self.bank[step, name] = args[0].detach().chunk(cfg)[-1].clone()  # a view would keep all of it

                stack.callback(attention.get_submodule("to_k").register_forward_pre_hook(keep).remove)
            yield

    @contextmanager
    def replay(self, step: int) -> Iterator[None]:
        """Put the recorded inputs in place of the run's own. Keep the block open until backward is done:
        gradient checkpointing runs the forward pass again."""
        with ExitStack() as stack:
            for name, attention in self.attentions.items():
                if (step, name) not in self.bank:
                    continue
                stored = self.bank[step, name]

                def swap(_m: nn.Module, args: tuple[Tensor, ...], stored: Tensor = stored) -> tuple[Tensor, ...]:
                    return (stored.to(args[0]), *args[1:])

                for projection in ("to_k", "to_v"):
                    module = attention.get_submodule(projection)
                    stack.callback(module.register_forward_pre_hook(swap).remove)
            yield


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
    """Outputs for the parts of a batch → that of the whole: tensors, or tuples or diffusers' outputs of them."""
    first = values[0]
    if isinstance(first, Tensor):
        return torch.cat(list(values))
    if isinstance(first, tuple):
        return tuple(concatenated(items) for items in zip(*values, strict=True))
    return type(first)(**{name: concatenated([value[name] for value in values]) for name in first})


__all__ = [
    "SharedKV", "capture", "checkpointed", "concatenated", "frozen", "map_tree", "recorded_until", "run_until", "submodule",
]  # fmt: skip
