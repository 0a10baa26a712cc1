"""Runs the nodes and the example workflows in a ComfyUI server of its own: `make test-comfy`."""
