"""Checkov finds nothing that is not excused in the template, and every excuse is needed and has its reason."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.embedded.template import TEMPLATE
from tests.template.commands import CHECKOV, OFFLINE, run

# One check on one resource: its ID and `type.logical ID`.
Finding = tuple[str, str]


def findings(template: Path, folder: Path, kind: str) -> set[Finding]:
    """The findings of one kind that checkov reports about a template."""
    options = ("--framework", "cloudformation", "--skip-download", "--output", "json")
    done = run(CHECKOV, "--file", template, *options, folder=folder, changes=OFFLINE)
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0
    assert report["results"]["passed_checks"], "checkov looked at nothing"
    return {(check["check_id"], check["resource"]) for check in report["results"][kind]}


@pytest.fixture(scope="module")
def excused(template: dict[str, Any]) -> dict[Finding, str]:
    """What the template excuses, with the reason it gives."""
    return {
        (skip["id"], f"{resource['Type']}.{logical_id}"): skip.get("comment", "")
        for logical_id, resource in template["Resources"].items()
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", [])
    }


def test_nothing_is_found(tmp_path: Path) -> None:
    assert findings(TEMPLATE, tmp_path, "failed_checks") == set()


def test_every_excuse_is_needed(excused: dict[Finding, str], tmp_path: Path) -> None:
    without_excuses = tmp_path / "template.yaml"
    without_excuses.write_text(TEMPLATE.read_text().replace(" checkov:", " ignored:"))

    assert findings(without_excuses, tmp_path, "failed_checks") == set(excused)


def test_every_excuse_says_why(excused: dict[Finding, str]) -> None:
    assert [finding for finding, reason in excused.items() if len(reason.split()) < 5] == []
