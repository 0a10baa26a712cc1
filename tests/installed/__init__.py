"""The wheel, installed where nothing else is: `python -m installed`, by `make test-wheel`."""
