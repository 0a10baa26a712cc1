"""`moft app`: a page on the user's own machine to draw a motion, try it, make the clip, compare and look
inside.

A server (`serving`, `routes/`) keeps what is asked in a folder and answers at once; a worker (`work/`), a
process of its own that outlives it, has the model. They meet in the folder (`folder`) and nowhere else.
"""
