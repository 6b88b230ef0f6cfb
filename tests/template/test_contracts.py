"""The contracts between the rooms hold, and would be broken by an import upward or by a module without a place."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.environments import REPOSITORY

_PACKAGES = ("src", "fleetgate_cli", "local", "harness")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the code and its contracts."""
    for name in _PACKAGES:
        shutil.copytree(REPOSITORY / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    return tmp_path


def _lint(folder: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": f"{folder / 'src'}:{folder}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def _plant(path: Path, line: str) -> None:
    path.write_text(f"{path.read_text()}\n{line}\n" if path.exists() else f"{line}\n")


def test_every_contract_is_kept(copy: Path) -> None:
    code, said = _lint(copy)
    assert code == 0, said
    assert " 0 broken" in said


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("domain/claim.py", "import fleetgate.api.stack", "the rooms, each above what it uses"),
        ("gate/policy.py", "import fleetgate.gate.store", "gate: from the hook event to the decision"),
        ("gate/store.py", "import fleetgate.operators.kept", "the hook imports no other room"),
        ("operators/kept.py", "import pynamodb", "rules import no library and no store"),
        ("trail/read.py", "import fleetgate.operators.device_store", "who only asks can build no store that writes"),
        ("watch/answer.py", "import pynamodb.models", "only stores talk to DynamoDB"),
        ("watch/nowhere.py", '"""Without a place."""', "watch: from the stream to the block"),
        ("cellar.py", '"""Without a place."""', "the rooms, each above what it uses"),
    ],
)
def test_what_is_planted_breaks_its_contract(copy: Path, module: str, line: str, contract: str) -> None:
    _plant(copy / "src" / "fleetgate" / module, line)
    code, said = _lint(copy)
    assert code == 1
    assert f"{contract} BROKEN" in said
