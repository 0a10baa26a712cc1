"""Crafted files by kind, made by code: none runs code, and each is refused by one error that names it."""
