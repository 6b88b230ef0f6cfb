"""Every statement names resources exactly where IAM knows some for its actions, by the data of policy_sentry.

IAM takes a statement that names a resource for an action without resource types, and never grants it.
"""

from collections.abc import Mapping
from typing import Any

import pytest
from policy_sentry.querying.actions import get_action_data

from tests.template.grants import Statement, statements

ANYTHING = "*"


def resource_types(action: str) -> frozenset[str]:
    """What the resources of an action look like; `*` among them where it has none, or where they are optional."""
    service, _, name = action.partition(":")
    known: Mapping[str, list[dict[str, Any]]] | bool = get_action_data(service, name)
    assert isinstance(known, Mapping), f"IAM knows no action {action}"
    return frozenset(row["resource_arn_format"] for row in known[service])


@pytest.fixture(scope="module")
def granted(template: dict[str, Any]) -> list[tuple[Statement, str]]:
    """All that the template grants, action by action."""
    return [(statement, action) for statement in statements(template) for action in sorted(statement.actions)]


def shown(statement: Statement, action: str) -> str:
    return f"{statement.role} {statement.sid} {action}"


def test_the_data_tells_the_kinds_of_actions_apart() -> None:
    assert resource_types("iot:ListAttachedPolicies") == {ANYTHING}
    assert ANYTHING not in resource_types("iot:UpdateThing")


def test_an_action_without_resource_types_stands_under_everything(granted: list[tuple[Statement, str]]) -> None:
    assert granted
    assert [
        shown(statement, action)
        for statement, action in granted
        if resource_types(action) == {ANYTHING} and statement.resources != (ANYTHING,)
    ] == []


def test_an_action_with_resource_types_names_its_resources(granted: list[tuple[Statement, str]]) -> None:
    assert [
        shown(statement, action)
        for statement, action in granted
        if ANYTHING not in resource_types(action) and ANYTHING in statement.resources
    ] == []
