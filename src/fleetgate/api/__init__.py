"""TODO walk."""
