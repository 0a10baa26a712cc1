"""`python -m moft.app.work FOLDER`: make what is asked in a folder, until nobody asks any more."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from moft.app.folder import WORKER, Folder
from moft.app.work.making import Making
from moft.app.work.until import UntilLeft
from moft.errors import MoftError
from moft.printing import printable


def main() -> None:
    """One worker a folder: where another is at work already, this one ends at once."""
    folder = Folder.made(Path(sys.argv[1]))
    sys.argv[:] = ["moft", "app"]  # what records say that a clip was made by
    os.chdir(folder.root)  # what jobs name, and recipes keep, lies here
    with folder.held(WORKER, str(os.getpid())) as mine:
        if mine:
            UntilLeft(folder, Making(folder)).run()


try:
    main()
except MoftError as error:
    sys.exit(printable(str(error)))
