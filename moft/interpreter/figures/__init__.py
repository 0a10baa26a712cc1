"""Numbers → figures that one would print; nothing here runs a model.

Colours are Okabe and Ito's, told apart by colour-blind readers, and never the only mark. Figures have a white
ground of their own, so they read the same on a light and on a dark page. Panels that are compared share their
scale.
"""
