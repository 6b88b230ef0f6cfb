"""The embedded AWS, and what it needs to run the real template."""
