"""`python -m moft.cli` is `moft`."""

from moft.cli import main

main()
