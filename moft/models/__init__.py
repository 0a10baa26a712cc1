"""How a pipeline is loaded, touched and left as it was found."""
