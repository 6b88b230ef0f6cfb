"""The command groups: read the arguments, run one workflow, show what came of it."""
