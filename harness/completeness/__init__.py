"""Whether every decision is on record exactly once, under faults."""
