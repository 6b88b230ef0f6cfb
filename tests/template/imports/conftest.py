"""What the roles of the import are granted."""

from typing import Any

import pytest

from tests.template.grants import Statement, statements
from tests.template.imports.granted import BOTH, IMPORTER, MACHINE, MAP, STEPS


@pytest.fixture(scope="module")
def all_granted(template: dict[str, Any]) -> list[Statement]:
    """All that anybody may do."""
    return list(statements(template))


@pytest.fixture(scope="module")
def granted(all_granted: list[Statement]) -> dict[str, Statement]:
    """What the import may do, by statement."""
    found = [statement for statement in all_granted if statement.role in {IMPORTER, STEPS, BOTH, MACHINE, MAP}]
    assert len({statement.sid for statement in found}) == len(found)
    return {statement.sid: statement for statement in found}
