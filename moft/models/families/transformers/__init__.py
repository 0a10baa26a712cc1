"""Families whose denoiser is a transformer over tokens."""
