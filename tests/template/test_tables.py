"""The tables and the models that read and write them: same keys, same indexes; and what keeps the data safe."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from pynamodb.attributes import NumberAttribute
from pynamodb.models import Model

from fleetgate.domain.audit import AuditRecord, RecordKind
from fleetgate.store.allow_list_items import AllowListItem
from fleetgate.store.audit_items import AuditItem, audit_item_from
from harness.builders import NOW
from tests.template.intrinsics import Deployment

MODELS: dict[str, type[Model]] = {"AllowListTable": AllowListItem, "AuditTable": AuditItem}


def by_name(definitions: Iterable[Mapping[str, Any]], value: str) -> dict[str, str]:
    """Attribute names to key or attribute types, in no order; each name once."""
    pairs = [(definition["AttributeName"], definition[value]) for definition in definitions]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def test_every_table_has_its_model(template: dict[str, Any]) -> None:
    tables = {name for name, resource in template["Resources"].items() if resource["Type"] == "AWS::DynamoDB::Table"}
    assert tables == set(MODELS)


@pytest.mark.parametrize("table", MODELS)
def test_keys_and_attributes_are_the_models(table: str, defaults: Deployment) -> None:
    declared, schema = defaults.resource(table), MODELS[table]._get_schema()

    assert by_name(declared["KeySchema"], "KeyType") == by_name(schema["key_schema"], "KeyType")
    assert by_name(declared["AttributeDefinitions"], "AttributeType") == by_name(
        schema["attribute_definitions"], "AttributeType"
    )


@pytest.mark.parametrize("table", MODELS)
def test_indexes_are_the_models(table: str, defaults: Deployment) -> None:
    declared, schema = defaults.resource(table), MODELS[table]._get_schema()

    assert {
        index["IndexName"]: (by_name(index["KeySchema"], "KeyType"), index["Projection"])
        for index in declared["GlobalSecondaryIndexes"]
    } == {
        index["index_name"]: (by_name(index["key_schema"], "KeyType"), index["projection"])
        for index in schema["global_secondary_indexes"]
    }
    assert schema["local_secondary_indexes"] == declared.get("LocalSecondaryIndexes", [])


def test_audit_records_expire_by_the_attribute_that_the_model_writes(defaults: Deployment) -> None:
    declared = defaults.resource("AuditTable")["TimeToLiveSpecification"]
    record = AuditRecord(record_id="1", recorded_at=NOW, kind=RecordKind.DECISION, reason="quarantined")
    written = audit_item_from(record, retention=timedelta(days=3)).serialize()

    assert declared["Enabled"] is True
    assert isinstance(AuditItem.get_attributes()[declared["AttributeName"]], NumberAttribute)
    assert written[declared["AttributeName"]] == {"N": str(int((NOW + timedelta(days=3)).timestamp()))}


def test_approvals_never_expire_by_themselves(defaults: Deployment) -> None:
    assert "TimeToLiveSpecification" not in defaults.resource("AllowListTable")


@pytest.mark.parametrize("table", MODELS)
def test_nobody_loses_a_table_by_accident(table: str, template: dict[str, Any], defaults: Deployment) -> None:
    resource, declared = template["Resources"][table], defaults.resource(table)

    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert declared["DeletionProtectionEnabled"] is True
    assert declared["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert declared["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}
    assert declared["BillingMode"] == "PAY_PER_REQUEST"
    assert "TableName" not in declared  # a replacement can stand beside the table that is retained


def test_logs_outlive_the_stack(template: dict[str, Any], defaults: Deployment) -> None:
    groups = {name for name, resource in template["Resources"].items() if resource["Type"] == "AWS::Logs::LogGroup"}

    assert groups == {
        "HookLogGroup",
        "ImportLogGroup",
        "OutcomeLogGroup",
        "ArchiveLogGroup",
        "ApiLogGroup",
        "WatchLogGroup",
    }
    for group in groups:
        resource = template["Resources"][group]
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")
        assert defaults.resource(group)["RetentionInDays"] == "400"
