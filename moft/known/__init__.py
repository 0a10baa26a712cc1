"""Clips whose motion is known, to fit, to choose and to score on."""
