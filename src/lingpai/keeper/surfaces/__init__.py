"""What the keeper looks like from outside.

The seed's routes, drop-in routes, and the generic ones. Each is a table of routes.
"""
