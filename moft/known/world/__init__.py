"""A world with every kind of motion, each of it exactly known: what the miniature trains on."""
