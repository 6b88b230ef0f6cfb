"""The hook's import path: short, and independent of where it runs."""

import subprocess
import sys
from pathlib import Path

import pytest

import fleetgate

_SOURCE = Path(fleetgate.__file__).parents[1]


def _in_a_fresh_interpreter(code: str) -> str:
    """Run code in an interpreter whose environment holds nothing but the way to the package."""
    done = subprocess.run(  # noqa: S603 - our own interpreter and our own code
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(_SOURCE), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_hook_leaves_out_the_slow_libraries_and_needs_no_environment() -> None:
    printed = _in_a_fresh_interpreter("import fleetgate.gate.hook, sys; print(*sorted(sys.modules), sep='\\n')")
    loaded = set(printed.splitlines())
    assert "fleetgate.gate.hook" in loaded
    assert not loaded & {"boto3", "pydantic", "pydantic_core", "aws_xray_sdk"}


def test_the_hook_loads_few_modules_and_no_other_room() -> None:
    printed = _in_a_fresh_interpreter("import fleetgate.gate.hook, sys; print(*sys.modules, sep='\\n')")
    own = {name for name in printed.splitlines() if name.partition(".")[0] == "fleetgate"}

    assert {name.split(".")[1] for name in own if "." in name} == {"gate", "domain", "store", "environment"}
    assert len(own) <= 27


@pytest.mark.parametrize(
    "module",
    ["gate.decision", "gate.request", "domain.allow_list", "domain.audit", "domain.claim", "domain.faults"],
)
def test_a_rule_imports_nothing_outward(module: str) -> None:
    printed = _in_a_fresh_interpreter(f"import fleetgate.{module}, sys; print(*sys.modules, sep='\\n')")
    loaded = printed.splitlines()
    ours = {name.split(".")[1] for name in loaded if name.startswith("fleetgate.")}
    assert ours <= {"domain", "gate"}
    assert not {name.partition(".")[0] for name in loaded} & {"aws_lambda_powertools", "botocore", "pynamodb", "ulid"}
