"""What a text encoder cuts off a prompt is known, by the pipeline's own tokenizers."""

from __future__ import annotations

import pytest
from tiny import sample, tiny

from moft.models.prompts import Heard, heard

WORDS = "red cells over blue stripes and green dots "
LONG = {"animatediff": 24, "cogvideox": 226, "wan": 512}  # tokens that each takes


def told(name: str, prompt: str, **kwargs: object) -> Heard:
    pipe = tiny(name)
    before = {name: part for name, part in vars(pipe).items() if "tokenizer" in name}
    with heard(pipe) as found:
        sample(pipe, prompt=prompt, num_inference_steps=2, **kwargs)
    assert before and all(vars(pipe)[name] is part for name, part in before.items())
    return found


@pytest.mark.parametrize("name", LONG)
def test_what_was_used_and_what_was_dropped_make_up_the_prompt(name: str) -> None:
    prompt = WORDS * 80 + "the end"
    cut = next(cut for cut in told(name, prompt).cuts if cut.holds(prompt))
    assert cut.tokenizer == "tokenizer" and cut.most == LONG[name] < cut.tokens
    whole = f"{cut.used} {cut.dropped}".replace(" ", "")
    assert whole == prompt.replace(" ", "") and cut.dropped.endswith("the end")
    assert str(cut.most) in str(cut) and cut.dropped[:200] in str(cut)


def test_each_text_encoder_of_a_pipeline_is_listened_to() -> None:
    prompt = WORDS * 80
    by = {cut.tokenizer for cut in told("hunyuan", prompt).cuts if cut.holds(prompt)}
    assert by == {"tokenizer", "tokenizer_2"}


def test_nothing_is_said_of_a_prompt_that_fits() -> None:
    found = told("animatediff", "red cells")
    assert found.cuts == [] and found.heard("Red  Cells!")


def test_a_negative_prompt_is_heard_only_if_it_is_used() -> None:
    for scale, so in ((7.5, True), (1.0, False)):
        found = told("animatediff", "red cells", negative_prompt="blue dots", guidance_scale=scale)
        assert found.heard("blue dots") is so


def test_a_long_negative_prompt_is_cut_too() -> None:
    long = WORDS * 9
    (cut,) = told("animatediff", "red cells", negative_prompt=long, guidance_scale=7.5).cuts
    assert cut.holds(long) and cut.tokens > cut.most
