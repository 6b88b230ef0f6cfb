"""Running the project's tools as a user would, with nothing of an AWS account and nobody to call."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from local.environments import REPOSITORY

SAM = REPOSITORY / ".venv-sam" / "bin" / "sam"
CHECKOV = REPOSITORY / ".venv-checkov" / "bin" / "checkov"
CFN_LINT = Path(sys.executable).with_name("cfn-lint")

# Port 9 of this machine discards: whoever calls out over HTTP meets a refused connection.
NOBODY = "http://127.0.0.1:9"
OFFLINE: Mapping[str, str] = {
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), NOBODY),
    **dict.fromkeys(("NO_PROXY", "no_proxy"), ""),
}


def run(
    *command: str | Path, folder: Path, changes: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a command in a folder, without credentials and without the settings of an outer make.

    Args:
        changes: To the environment.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "MAKE", "SAM_", "BC_", "CKV_", "CHECKOV_")) and name != "MFLAGS"
    }
    return subprocess.run(  # noqa: S603 - our own tools
        [str(part) for part in command],
        cwd=folder,
        env={
            **environment,
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "SAM_CLI_TELEMETRY": "0",
            # Where sam keeps its own settings, so that the user's stay as they are.
            "__SAM_CLI_APP_DIR": str(folder),
            **(changes or {}),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
