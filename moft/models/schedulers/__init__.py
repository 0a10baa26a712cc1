"""What is found out about schedulers of diffusers by running them by themselves."""
