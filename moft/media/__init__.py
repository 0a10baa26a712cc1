"""Clips, masks, pictures and tensors in files: the only place that knows a codec."""
