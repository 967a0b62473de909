"""The keeper: holds the tokens that other platforms issue to us (docs/architecture.md)."""
