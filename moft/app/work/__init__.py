"""The worker: the process that has the model. It knows the folder, and nobody else."""
