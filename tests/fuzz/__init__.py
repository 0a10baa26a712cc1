"""Bent files and texts for every reader: `make fuzz MINUTES=15`.

A case is a file or text made by code, bent by a rule, and handed to what reads it. It may be read or refused
by an error of `moft.errors`; anything else is a finding: another exception, a crash, more than 10 s or
300 MB, a file opened or an address asked that was not named, a descriptor left open.
"""
