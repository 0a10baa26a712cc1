"""What a pipeline's text encoders take of a prompt: it is listened to its own tokenizers, so that whatever
they cut off is known, at whatever length.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Cut:
    """A text that is longer than a text encoder takes."""

    text: str  # as the pipeline gave it
    used: str
    dropped: str
    tokenizer: str  # the pipeline's attribute
    most: int  # tokens that it takes
    tokens: int  # of the whole text

    def holds(self, text: str) -> bool:
        """Whether this is that text, however it was cleaned or wrapped before."""
        return bool(_bare(text)) and _bare(text) in _bare(self.text)

    def __str__(self) -> str:
        return (
            f"is longer than the model takes, {self.most} of {self.tokens} tokens by its {self.tokenizer}; "
            f'dropped: "{self.dropped:.300}"'
        )


@dataclass
class Heard:
    """What a pipeline's tokenizers were given in a run."""

    texts: list[str] = field(default_factory=list)
    cuts: list[Cut] = field(default_factory=list)

    def heard(self, text: str) -> bool:
        """Whether a text was among them, however it was cleaned or wrapped before."""
        return any(_bare(text) in _bare(given) for given in self.texts)


@contextmanager
def heard(pipe: Any) -> Iterator[Heard]:
    """Note what the tokenizers of a diffusers pipeline are given inside the block, and what they cut off."""
    from transformers import PreTrainedTokenizerBase

    found = Heard()
    parts = {name: getattr(pipe, name, None) for name in getattr(pipe, "components", {})}
    own = {name: part for name, part in parts.items() if isinstance(part, PreTrainedTokenizerBase)}
    for name, part in own.items():
        vars(pipe)[name] = _listening(part, name, found)
    try:
        yield found
    finally:
        vars(pipe).update(own)


def _listening(tokenizer: Any, name: str, found: Heard) -> Any:
    """The same tokenizer, which also notes what it is given."""
    usual = type(tokenizer)

    def call(self: Any, text: Any = None, *args: Any, **kwargs: Any) -> Any:
        taken = usual.__call__(self, text, *args, **kwargs)
        given = [text] if isinstance(text, str) else text
        if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
            return taken
        found.texts += given
        if kwargs.get("truncation"):
            most = kwargs.get("max_length") or self.model_max_length
            rows = taken["input_ids"] if len(taken["input_ids"]) == len(given) else [taken["input_ids"]]
            for one, ids in zip(given, rows, strict=True):
                whole = usual.__call__(
                    self, one, add_special_tokens=kwargs.get("add_special_tokens", True), verbose=False
                )["input_ids"]
                if len(whole) > most:
                    found.cuts.append(_cut(self, one, list(map(int, ids)), whole, name, most))
        return taken

    listening = copy.copy(tokenizer)
    listening.__class__ = type(usual.__name__, (usual,), {"__call__": call})
    return listening


def _cut(tokenizer: Any, text: str, ids: list[int], whole: list[int], name: str, most: int) -> Cut:
    special = {tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id}
    kept, every = ([i for i in some if i not in special] for some in (ids, whole))
    used, dropped = (tokenizer.decode(some).strip() for some in (kept, every[len(kept) :]))
    return Cut(text, used, dropped, name, most, len(whole))


def _bare(text: str) -> str:
    """Letters and digits alone, since pipelines clean what they are given."""
    return re.sub(r"[\W_]+", "", text).lower()
