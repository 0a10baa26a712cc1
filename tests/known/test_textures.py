"""Textures tile, and each kind is there."""

from __future__ import annotations

import torch

from moft.known.textures import PHOTO, TEXTURES, TILE, Bank


def test_every_texture_word_has_a_texture() -> None:
    assert set(Bank.make(4, False, 0).kinds) == set(TEXTURES)


def test_a_quarter_as_many_photographs_are_added_and_all_has_contrast() -> None:
    bank = Bank.make(8, True, 0)
    assert bank.kinds.count(PHOTO) == 2 and bank.kinds[:8] == [*TEXTURES] * 2
    tiles = bank.tiles[:, :, 2:-2, 2:-2]
    assert tiles.shape == (10, 3, TILE, TILE) and tiles.min() >= 0 and tiles.max() <= 1
    assert (tiles.flatten(1).std(1) > 0.05).all()


def test_a_margin_of_two_texels_is_the_other_edge() -> None:
    tiles = Bank.make(4, False, 1).tiles
    assert torch.equal(tiles[..., :2, :], tiles[..., -4:-2, :]) and torch.equal(
        tiles[..., -2:], tiles[..., 2:4]
    )
