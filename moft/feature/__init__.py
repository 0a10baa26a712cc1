"""The idea: the motion feature, its channels, and what it should be for a motion."""
