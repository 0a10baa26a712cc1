"""From an open file to its pictures as they are shown: upright, in square pixels, each for its time."""
