"""Where, when and in which channels a model holds motion, in numbers and figures."""
