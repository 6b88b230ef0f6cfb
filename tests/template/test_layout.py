"""template.yaml reads in the order of the rooms, and its contents list and its alarms are where they say."""

import re
from itertools import pairwise
from typing import Any

from local.embedded.template import TEMPLATE

_HEADING = re.compile(r"^  # ---- (.+?) -+$", re.MULTILINE)
_CONTENTS = re.compile(r"^#   (.+)$", re.MULTILINE)
ALARM = "AWS::CloudWatch::Alarm"


def service(resource: dict[str, Any]) -> Any:
    """What a function calls itself in its metrics; None for other resources."""
    environment = resource.get("Properties", {}).get("Environment", {})
    return environment.get("Variables", {}).get("POWERTOOLS_SERVICE_NAME")


def is_watched(name: str, resource: dict[str, Any], alarm: dict[str, Any]) -> bool:
    """Whether an alarm's metric is one of a resource: its dimension names the resource or the function's service."""
    (dimension,) = alarm["Properties"]["Dimensions"]
    named_by = {"Ref": name}, {"Fn::GetAtt": [name, "QueueName"]}
    return dimension["Value"] in named_by or dimension["Value"] == service(resource)


def test_the_contents_list_names_every_part_in_order() -> None:
    text = TEMPLATE.read_text()
    contents, _, _ = text.partition("AWSTemplateFormatVersion")

    assert _CONTENTS.findall(contents) == _HEADING.findall(text)


def test_an_alarm_stands_directly_under_what_it_watches(template: dict[str, Any]) -> None:
    above: tuple[str, dict[str, Any]] | None = None
    for name, resource in template["Resources"].items():
        if resource["Type"] == ALARM:
            assert above
            assert is_watched(*above, resource), f"{name} stands under {above[0]}"
        else:
            above = name, resource


def test_resources_of_a_room_stand_together(template: dict[str, Any]) -> None:
    rooms = [
        resource["Properties"]["Handler"].split(".")[1]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    ]

    assert [one for one, other in pairwise([*rooms, ""]) if one != other] == [
        *("gate", "imports", "outcomes", "watch", "archive", "api")
    ]
