"""Everything that runs on a developer's own machine: set-up, the embedded AWS, the demo. Not shipped to Lambda."""
