"""Platforms that a file describes without code: read, checked, made into `PlatformType` (docs/how-to/platforms.md)."""
