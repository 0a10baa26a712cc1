"""Ways to steer that are compared on the same tasks: features, dragged points, other systems' objectives."""
