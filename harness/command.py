"""The operators' command as an operator types it, and how it ended."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner

from fleetgate_cli.main import root
from fleetgate_cli.run import Run


@dataclass(frozen=True)
class Answer:
    """How a command ended."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """What it printed, as the one JSON document it must be."""
        return json.loads(self.stdout)

    @property
    def error(self) -> Any:
        """How it failed, as the one JSON document it must be."""
        assert self.stdout == ""
        return json.loads(self.stderr)["error"]


Fleetgate = Callable[..., Answer]


def run(*arguments: str) -> Answer:
    """Run the command; a stop that it writes does not wait."""
    result = CliRunner().invoke(root, arguments, obj=Run(sleep=lambda _seconds: None))
    return Answer(result.exit_code, result.stdout, result.stderr)
