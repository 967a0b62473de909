"""The base of all layers: clock, errors, encryption, key ring, declarations of routes.

The core does no I/O, except that it reads the clock and reads and writes the key file.
"""
