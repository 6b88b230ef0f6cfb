"""Tells hatchling what the package depends on, from the files that the locked versions are chosen from."""

from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

# The package fleetgate, and the package fleetgate_cli beside it.
_FILES = ("src/requirements.in", "requirements/command.in")


class Dependencies(MetadataHookInterface):
    """The hook that [tool.hatch.metadata.hooks.custom] in pyproject.toml asks for."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in `dependencies`, which pyproject.toml declares as dynamic."""
        lines = (line.strip() for name in _FILES for line in Path(self.root, name).read_text().splitlines())
        metadata["dependencies"] = [line for line in lines if line and not line.startswith("#")]
