"""What the hook costs: each figure a ratio against a floor that is measured beside it, in the same run."""
