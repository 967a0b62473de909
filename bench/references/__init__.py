"""Programs that the contenders start."""
