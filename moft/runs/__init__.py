"""What a person wants done, done: sampled, judged, kept, made again."""
