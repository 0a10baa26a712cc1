"""What is run in the environments, as texts: nothing of the checkout is there."""

FOUND = "import moft; print(moft.__file__)"

# Prints how many modules there are, and what extras the others want.
ALL_MODULES = """
import importlib, pkgutil, moft
from moft.optional import EXTRAS
names = [m.name for m in pkgutil.walk_packages(moft.__path__, "moft.") if not m.name.endswith("__main__")]
wanted = {}
for name in names:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        assert error.name in {*EXTRAS, "scipy"}, (name, error)  # scipy comes with scikit-learn
        wanted.setdefault(error.name, []).append(name)
for name in moft.__all__:
    getattr(moft, name)
print(len(names), "modules;", ", ".join(f"{len(v)} want {k}" for k, v in wanted.items()) or "all imported")
"""

# Calls the functions that are named, and prints what each gave or the line that it was refused with.
CALLS = """
import sys
import numpy as np
import moft
clip = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8).repeat(4, 0).repeat(4, 1)
clip = np.stack([np.roll(clip, 2 * i, axis=1) for i in range(8)])
def musiq():
    from moft.metrics.networks import musiq
    try:
        musiq("nowhere.safetensors")
    except moft.RequestError as error:
        assert "weights of MUSIQ" in str(error), error
def run():
    job = moft.Job(moft.Scene("red cells", steps=3), [moft.Motion("left")])
    return moft.run(moft.load("miniature"), job).followed
calls = {
    "write": lambda: moft.write_video("clip.mp4", clip),
    "measure": lambda: moft.measure(clip).named,
    "score": lambda: moft.score(clip, clip).motion.score,
    "load": lambda: moft.load("miniature"),
    "explain": lambda: moft.explain(moft.load("miniature"), ["clip.mp4"], "explained").keys(),
    "musiq": musiq,
    "run": run,
}
for name in sys.argv[1:]:
    try:
        print(f"{name}: {calls[name]()}")
    except moft.MoftError as error:
        print(f"{name}: {error}")
moft.write_video("a.gif", clip)
assert moft.read_video("a.gif").shape == clip.shape
"""

STEERED = """
import moft
model = moft.load("miniature")
with moft.steer(model.pipe, moft.Motion("left")) as run:
    model.pipe("red cells", num_inference_steps=4)
print(len(run.report.steps), "guided steps")
"""
