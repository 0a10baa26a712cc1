"""Families whose denoiser makes the sound along with the picture."""
