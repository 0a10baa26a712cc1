"""What steering costs: seconds, FLOPs and memory, of the miniature's runs and of published models."""
