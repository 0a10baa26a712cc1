"""Families whose denoiser is a UNet: frames are folded into the batch."""
