"""CI runs what the documents say that it runs, and nothing that is not pinned."""

import re
from typing import Any

import pytest
import yaml

from local.environments import REPOSITORY

RUN = REPOSITORY / ".ci" / "run"
WORKFLOW = REPOSITORY / ".github" / "workflows" / "ci.yml"
_MAKE = re.compile(r"^\s*make ([a-z]+)", re.MULTILINE)


@pytest.fixture
def job() -> dict[str, Any]:
    """The one job of the workflow."""
    (job,) = yaml.safe_load(WORKFLOW.read_text())["jobs"].values()
    checked: dict[str, Any] = job
    return checked


def _targets(job: dict[str, Any]) -> list[str]:
    return [target for step in job["steps"] for target in _MAKE.findall(step.get("run", ""))]


def test_the_script_lints_and_ends_with_the_summary_of_the_tests() -> None:
    commands = [line for line in RUN.read_text().splitlines() if not line.startswith(("#", "set ", "cd "))]

    assert commands == ["make lint", "make test"]


def test_the_workflow_does_what_the_script_does_and_builds(job: dict[str, Any]) -> None:
    assert _targets(job) == [*_MAKE.findall(RUN.read_text()), "build", "package"]


def test_the_workflow_runs_on_the_oldest_python_and_on_that_of_lambda(
    job: dict[str, Any], template: dict[str, Any]
) -> None:
    (oldest,) = re.findall(r'requires-python = ">=([\d.]+)"', (REPOSITORY / "pyproject.toml").read_text())
    deployed = template["Resources"]["HookFunction"]["Properties"]["Runtime"].removeprefix("python")

    assert job["strategy"]["matrix"]["python"] == [oldest, deployed]


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_the_documents_name_what_ci_runs(document: str, job: dict[str, Any]) -> None:
    named = set(re.findall(r"\bmake ([a-z]+)", (REPOSITORY / document).read_text()))

    assert set(_targets(job)) <= named


def test_an_action_is_pinned_to_a_commit_and_may_only_read(job: dict[str, Any]) -> None:
    actions = [step["uses"] for step in job["steps"] if "uses" in step]

    assert actions
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) for action in actions)
    assert yaml.safe_load(WORKFLOW.read_text())["permissions"] == {"contents": "read"}
    assert "permissions" not in job
