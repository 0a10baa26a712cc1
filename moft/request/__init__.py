"""What is wanted, said without a model: a motion, a clip to follow, points to drag. No torch."""
