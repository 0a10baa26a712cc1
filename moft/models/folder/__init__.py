"""Model folders as a stranger may have made them: looked through before anything of them is built.

What is refused here cannot run code, open other files or fill the memory, whichever version of diffusers is
installed: classes are those of diffusers and transformers alone (`classes`), files are ordinary ones that lie
in the folder (`files`), weights are safetensors (`weights`), settings are of their types (`settings`) and
build no more than there are weights for (`building`).
"""
