"""The named example events in events/importer: each has the importer do what its name says."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import botocore.session
import pytest
from aws_lambda_powertools.utilities.data_classes import S3EventBridgeNotificationEvent
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSEvent
from botocore.stub import ANY, Stubber

from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason
from fleetgate.imports import importer
from fleetgate.imports.delivery import NOBODY, Delivery, DeliveryMode
from fleetgate.imports.record import ImportRecord, ImportStatus
from fleetgate.imports.store.drop_box import DropBox, ImportQueue
from local.embedded.template import load_template
from tests.unit.gate.hook_invocation import Context

_FOLDER = Path(__file__).parents[3] / "events" / "importer"
_STORED_AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_RECEIVES = load_template()["Resources"]["ImportQueue"]["Properties"]["RedrivePolicy"]["maxReceiveCount"]

# Mode, manufacturer and file name of the delivery that each announces.
_DELIVERIES = {
    "approved-import": (DeliveryMode.LIVE, "acme", "line4.csv"),
    "dry-run": (DeliveryMode.DRY_RUN, "acme", "line4.csv"),
    "last-try": (DeliveryMode.LIVE, "acme", "line4.csv"),
    "list-delivered": (DeliveryMode.LIVE, "acme", "line4.csv"),
    "list-delivered-in-a-subfolder": (DeliveryMode.LIVE, "acme", "2026/w09/line4.csv.gz"),
    "no-manufacturer": (DeliveryMode.DRY_RUN, NOBODY, "incoming/line4.csv"),
}
_NO_DELIVERY = "folder-marker"
_NOT_BY_S3 = "approved-import"
_ALL = [*_DELIVERIES, _NO_DELIVERY]


def _event(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return event


def _announced(name: str) -> dict[str, Any]:
    (message,) = SQSEvent(_event(name)).records
    announced: dict[str, Any] = message.json_body
    return announced


@dataclass
class _Noted:
    """An importer that finds the files that are announced, and only notes what it is to do with them."""

    journal: SimpleNamespace
    fault: Fault | None = None
    ran: list[Delivery] = field(default_factory=list)
    gave_up: list[Delivery] = field(default_factory=list)

    def run(self, delivery: Delivery) -> ImportRecord:
        self.ran.append(delivery)
        if self.fault:
            raise self.fault
        return ImportRecord(delivery=delivery, started_at=_STORED_AT, status=ImportStatus.FINISHED)

    def give_up(self, delivery: Delivery, _fault: Fault) -> ImportRecord:
        self.gave_up.append(delivery)
        return ImportRecord(delivery=delivery, started_at=_STORED_AT, status=ImportStatus.FAILED)


@pytest.fixture
def noted() -> Iterator[_Noted]:
    """The importer that the handler works with; S3 has each file in the version that is asked for, and no other."""
    client = botocore.session.get_session().create_client(
        "s3", region_name="eu-central-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    with Stubber(client) as s3:
        s3.add_response(
            "head_object",
            {"VersionId": "one", "LastModified": _STORED_AT, "ContentLength": 1841, "Metadata": {}},
            {"Bucket": "drop-box", "Key": ANY, "VersionId": ANY},
        )
        noted = _Noted(SimpleNamespace(drop_box=DropBox("drop-box", client)))
        with mock.patch.multiple(importer, _importer=lambda: noted, _max_receives=lambda: _RECEIVES):
            yield noted


def test_every_example_event_is_tested() -> None:
    assert {path.stem for path in _FOLDER.iterdir()} == {*_ALL}


@pytest.mark.parametrize("name", _DELIVERIES)
def test_the_importer_imports_what_an_example_announces(name: str, noted: _Noted) -> None:
    importer.handler(_event(name), Context())

    (delivery,) = noted.ran
    assert (delivery.mode, delivery.manufacturer, delivery.file_name) == _DELIVERIES[name]
    assert (delivery.requester, delivery.source_ip_address) == ("210987654321", "192.0.2.17")


# Powertools says so where nothing was counted.
@pytest.mark.filterwarnings("ignore:No application metrics to publish")
def test_the_marker_of_a_folder_is_no_list(noted: _Noted) -> None:
    importer.handler(_event(_NO_DELIVERY), Context())

    assert _announced(_NO_DELIVERY)["detail"]["object"]["size"] == 0
    assert noted.ran == []


@pytest.mark.parametrize("name", _DELIVERIES)
def test_the_importer_gives_up_on_the_last_try_and_on_no_other(name: str, noted: _Noted) -> None:
    noted.fault = Fault(FaultReason.STORE_UNAVAILABLE)
    with pytest.raises(Fault):
        importer.handler(_event(name), Context())

    assert noted.gave_up == (noted.ran if name == "last-try" else [])


@pytest.mark.parametrize("name", [name for name in _ALL if name != _NOT_BY_S3])
def test_an_example_is_an_object_created_event_as_s3_documents_it(name: str) -> None:
    """Amazon S3 user guide, "EventBridge event message structure"."""
    event = S3EventBridgeNotificationEvent(_announced(name))

    assert (event.source, event.detail_type, event.detail.reason) == ("aws.s3", "Object Created", "PutObject")
    assert event.resources == [f"arn:aws:s3:::{event.detail.bucket.name}"]
    assert set(event.detail.object.raw_event) == {"key", "size", "etag", "version-id", "sequencer"}
    assert (event.account, event.detail.requester) == ("123456789012", "210987654321")


def test_the_rule_of_the_template_lets_all_of_them_through() -> None:
    pattern = load_template()["Resources"]["DeliveryRule"]["Properties"]["EventPattern"]
    prefixes = tuple(one["prefix"] for one in pattern["detail"]["object"]["key"])
    for name in _ALL:
        assert _announced(name)["detail"]["object"]["key"].startswith(prefixes), name


def test_an_approved_import_is_announced_as_the_command_does(noted: _Noted) -> None:
    importer.handler(_event(_NOT_BY_S3), Context())
    (delivery,) = noted.ran
    version = _announced(_NOT_BY_S3)["detail"]["object"]["version-id"]
    sent: list[str] = []
    sqs = SimpleNamespace(send_message=lambda *, QueueUrl, MessageBody: sent.append(MessageBody))  # noqa: N803
    ImportQueue("url", sqs).announce(replace(delivery, file=replace(delivery.file, version_id=version)))

    assert [json.loads(body) for body in sent] == [_announced(_NOT_BY_S3)]


@pytest.mark.parametrize("name", _ALL)
def test_an_example_comes_by_way_of_the_queue(name: str) -> None:
    (message,) = SQSEvent(_event(name)).records

    assert message.event_source == "aws:sqs"
    assert message.md5_of_body == hashlib.md5(message.body.encode(), usedforsecurity=False).hexdigest()
