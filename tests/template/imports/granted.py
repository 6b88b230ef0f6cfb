"""The parts of the import, and the statements that are for what AWS does by itself."""

from typing import Any

from tests.template.grants import Statement

IMPORTER, STEPS, BOTH = "ImportFunctionRole", "ImportStepFunctionRole", "ImportPolicy"
MACHINE, MAP = "ImportStateMachineRole", "ImportMapPolicy"
THING_GROUPS = "arn:aws:iot:eu-central-1:123456789012:thinggroup/*"
BUS = "arn:aws:events:eu-central-1:123456789012:event-bus/default"


def keys(*patterns: str) -> dict[str, Any]:
    """The condition that an item's partition key is like one of these."""
    return {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(patterns) if len(patterns) > 1 else patterns[0]}}


BY_AWS = ("TakeAnnouncements", "WriteLogs", "DoTheSteps", "ReadRowsAndWriteResults", "RunBatches")


def leading_keys(found: Statement) -> tuple[str, ...]:
    """What the partition keys have to be like."""
    patterns: Any = ()
    for said in found.condition.values():
        patterns = said.get("dynamodb:LeadingKeys", patterns)
    return (patterns,) if isinstance(patterns, str) else tuple(patterns)
