"""The keeper: holds the tokens that other platforms issue to us (seed 003, DESIGN §6)."""
