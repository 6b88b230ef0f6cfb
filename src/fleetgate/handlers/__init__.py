"""Lambda entry points: parse the event, call one workflow, render the answer."""
