"""Where `local/bootstrap.py` puts what the modules of this package start."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
UV = REPOSITORY / ".venv-tools" / "uv"
AWS_PYTHON = REPOSITORY / ".venv-aws" / "bin" / "python"
