"""How it is found out what moves in a clip otherwise than its camera."""
