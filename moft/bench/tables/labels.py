"""What the page calls each way, and what the paper found."""

from __future__ import annotations

WAYS = {
    "plain": "no guidance",
    "smm": "SMM",
    "vanilla": "vanilla feature",
    "ccr": "CCR, all channels",
    "moft": "**CCR + MCF (MOFT)**",
    "synthesised": "**MOFT, synthesised**",
}
DIFFERS = {
    "plain": "",
    "smm": "all channels; differences of every two frames' means, of the whole frame",
    "vanilla": "all channels; the mean over frames is asked too",
    "ccr": "all channels",
    "moft": "the model's motion channels",
    "synthesised": "the same channels; no clip, the motion in words",
}
PAPER = {"smm": 70.2, "vanilla": 31.1, "ccr": 67.1, "moft": 82.5, "synthesised": 84.0}
PAPER_SHARES = {1.0: 67.5, 0.5: 70.5, 0.1: 82.7, 0.05: 83.2, 0.04: 84.0, 0.03: 83.6, 0.01: 76.3}
PEERS = {
    "moft": "**MOFT, from the clip**",
    "synthesised": "**MOFT, synthesised**",
    "smm": "DMT: space-time means",
    "motionclone": "MotionClone: attention over time",
    "sg_i2v": "SG-I2V: first frame's features",
    "flowmotion": "after FlowMotion: clean latents, no network gradient",
    "release": "MOFT as released: region means",
    "ditflow_moft": "MOFT as DiTFlow has it: cosine",
    "plain": "no guidance",
}
DRAGS = {"plain": "no guidance", "dift": "DIFT", "moft": "MOFT", "both": "**MOFT early, DIFT later**"}
DRAG_PAPER = {"dift": 0.437, "both": 0.175}
COSTS = {
    "steered": "steered by two gradients a step",
    "steered_saving": "steered, `save_memory`",
    "fused": "`fused`",
    "fused_saving": "`fused`, `save_memory`",
    "shared_kv": "keys and values of a recorded plain run shared",
    "release": "the release's scheme",
}
