"""The keeper: stores and renews the tokens that other platforms issue to us (docs/architecture.md)."""
