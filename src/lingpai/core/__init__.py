"""Shared ground.

Clock, errors, seals, key ring, wire declarations. No I/O but reading the clock and the key file.
"""
