"""Use cases, one a module: read the facts, ask the domain, commit what it says."""
