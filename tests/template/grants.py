"""Who may do what: the roles of the template as SAM expands it, and the statements in them."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from local.embedded.template import function_ids, with_code
from tests.template.intrinsics import PSEUDO_PARAMETERS, Deployment


@dataclass(frozen=True)
class Statement:
    """One IAM statement that grants something."""

    role: str
    sid: str
    actions: frozenset[str]
    resources: tuple[str, ...]
    condition: Mapping[str, Any]

    def grants(self, action: str, resource: str) -> bool:
        """Whether it grants an action on a resource, whatever its condition says. IAM actions ignore case."""
        return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in self.actions) and any(
            fnmatchcase(resource, pattern) for pattern in self.resources
        )


def expanded(template: Mapping[str, Any]) -> Mapping[str, Any]:
    """The template with its serverless resources turned into what they stand for, as CloudFormation would."""
    packaged = with_code(template, dict.fromkeys(function_ids(template), "s3://bucket/key"))
    session = boto3.Session(region_name=PSEUDO_PARAMETERS["AWS::Region"])
    turned: Mapping[str, Any] = Translator({}, Parser(), boto_session=session).translate(deepcopy(packaged), {})
    return turned


def statements(template: Mapping[str, Any]) -> Iterator[Statement]:
    """Every statement that the template grants to anybody, in roles and in policies of their own."""
    deployment = Deployment(expanded(template))
    for logical_id, resource in deployment.template["Resources"].items():
        if not resource["Type"].startswith("AWS::IAM::"):
            continue
        properties = deployment.resource(logical_id)
        assert "ManagedPolicyArns" not in properties, f"{logical_id} is granted what this template does not say"
        documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        documents += [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
        for document in documents:
            for statement in as_list(document["Statement"]):
                if statement["Effect"] == "Allow":
                    yield Statement(
                        role=logical_id,
                        sid=statement.get("Sid", ""),
                        actions=frozenset(as_list(statement["Action"])),
                        resources=tuple(as_list(statement["Resource"])),
                        condition=statement.get("Condition", {}),
                    )


def as_list(value: Any) -> list[Any]:
    """IAM takes one thing or a list of things."""
    return value if isinstance(value, list) else [value]
