"""What a model needs before it is steered, counted with networks that have shapes and no numbers."""
