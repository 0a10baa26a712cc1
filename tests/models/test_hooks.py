"""Hooks: what they see, and that they leave nothing behind."""

import pytest
import torch
from torch import nn

from moft.errors import BackboneError
from moft.models.hooks import capture, concatenated, frozen, map_tree, recorded_until, run_until, submodule


class Chain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
        self.ran = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x)
            self.ran += 1
        return x


def hooks(model: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


def test_running_until_a_layer_gives_its_output_and_stops_there():
    chain, x = Chain(), torch.ones(1, 4)
    found = run_until(chain, "layers.1", lambda: chain(x))
    assert chain.ran == 1  # the counter behind the second layer was not reached
    torch.testing.assert_close(found, chain.layers[1](chain.layers[0](x)))
    assert hooks(chain) == 0


def test_an_exception_on_the_way_passes_through_and_leaves_no_hook():
    chain = Chain()
    with pytest.raises(RuntimeError):
        run_until(chain, "layers.1", lambda: chain(torch.ones(1, 5)))
    assert hooks(chain) == 0


def test_a_layer_that_is_never_reached_is_an_error():
    chain = Chain()
    with pytest.raises(BackboneError, match=r"layers\.2"):
        run_until(chain, "layers.2", lambda: chain.layers[0](torch.ones(1, 4)))


def test_a_pass_is_recorded_until_a_layer_and_no_further():
    chain, x = Chain(), torch.ones(1, 4, requires_grad=True)
    with torch.no_grad(), recorded_until(chain, "layers.1") as found:
        out = chain(x)
        assert not torch.is_grad_enabled()
    assert found[0].requires_grad and not out.requires_grad and chain.ran == 3 and hooks(chain) == 0
    torch.testing.assert_close(out, chain(x))
    with pytest.raises(BackboneError, match=r"layers\.2"), recorded_until(chain, "layers.2"):
        chain.layers[0](x)


def test_outputs_of_parts_are_joined_whatever_they_are_wrapped_in():
    from diffusers.models.modeling_outputs import Transformer2DModelOutput

    one, two = torch.zeros(1, 2), torch.ones(2, 2)
    whole = torch.cat([one, two])
    assert torch.equal(concatenated([one, two]), whole)
    assert torch.equal(concatenated([(one,), (two,)])[0], whole)
    found = concatenated([Transformer2DModelOutput(sample=one), Transformer2DModelOutput(sample=two)])
    assert isinstance(found, Transformer2DModelOutput) and torch.equal(found.sample, whole)


def test_an_unknown_layer_names_its_neighbours():
    with pytest.raises(BackboneError, match=r"layers\.0, layers\.1, layers\.2"):
        submodule(Chain(), "layers.7")


def test_capture_collects_outputs_and_leaves_no_hook():
    chain = Chain()
    with capture(chain, ["layers.0", "layers.2"]) as seen:
        out = chain(torch.ones(1, 4))
    assert set(seen) == {"layers.0", "layers.2"} and seen["layers.2"] is out
    assert hooks(chain) == 0


def test_capturing_an_unknown_layer_leaves_no_hook():
    chain = Chain()
    with pytest.raises(BackboneError), capture(chain, ["layers.0", "nowhere"]):
        pass
    assert hooks(chain) == 0


def test_frozen_restores_each_parameter_also_after_an_exception():
    chain = Chain()
    chain.layers[0].weight.requires_grad_(False)
    before = [p.requires_grad for p in chain.parameters()]
    with pytest.raises(KeyError), frozen(chain):
        assert not any(p.requires_grad for p in chain.parameters())
        raise KeyError
    assert [p.requires_grad for p in chain.parameters()] == before


def test_mapping_a_tree_reaches_every_tensor_and_keeps_the_structure():
    x = torch.ones(2)
    copy = map_tree(torch.clone, {"a": (x, [x, 3]), "b": None})
    assert copy["b"] is None and copy["a"][1][1] == 3 and isinstance(copy["a"], tuple)
    copy["a"][0].zero_()
    assert x.sum() == 2 and copy["a"][1][0].sum() == 2
