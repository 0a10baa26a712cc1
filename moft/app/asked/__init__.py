"""What is asked: as a form, as jobs in which files are ids, tried without the model, taken elsewhere."""
