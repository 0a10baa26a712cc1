"""How a clip moves and how good it looks: arrays in, numbers out. Knows no model."""
