"""The kinds of things that operators manage: one module each, and the table of all of them."""
