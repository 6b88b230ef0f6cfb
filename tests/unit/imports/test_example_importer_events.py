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
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber

from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason
from fleetgate.imports import importer
from fleetgate.imports.announcement import Announcement, NotAnAnnouncement
from fleetgate.imports.deadline import NEVER, Deadline
from fleetgate.imports.delivery import NOBODY, Delivery, DeliveryMode
from fleetgate.imports.record import ImportRecord, ImportStatus
from fleetgate.imports.run import GoesOn, WaitsForTurn
from fleetgate.imports.store.drop_box import DropBox, ImportQueue
from local.embedded.template import load_template
from tests.unit.gate.hook_invocation import Context

_FOLDER = Path(__file__).parents[3] / "events" / "importer"
_STORED_AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_TRIES = int(load_template()["Resources"]["ImportFunction"]["Properties"]["Environment"]["Variables"]["MAX_TRIES"])

# Mode, manufacturer and file name of the delivery that each announces.
_DELIVERIES = {
    "approved-import": (DeliveryMode.LIVE, "acme", "line4.csv"),
    "content-with-the-name-of-a-folder": (DeliveryMode.LIVE, "acme", "incoming/acme/"),
    "dry-run": (DeliveryMode.DRY_RUN, "acme", "line4.csv"),
    "last-try": (DeliveryMode.LIVE, "acme", "line4.csv"),
    "list-delivered": (DeliveryMode.LIVE, "acme", "line4.csv"),
    "list-delivered-in-a-subfolder": (DeliveryMode.LIVE, "acme", "2026/w09/line4.csv.gz"),
    "no-manufacturer": (DeliveryMode.DRY_RUN, NOBODY, "incoming/line4.csv"),
    "waited-for-its-turn": (DeliveryMode.LIVE, "acme", "line4.csv"),
}
_NO_DELIVERY = "folder-marker"
_CUT_OFF = "cut-off-in-every-try"
_NO_ANNOUNCEMENT = "no-s3-event"
_APPROVED = "approved-import"
_WAITED = "waited-for-its-turn"
_NOT_BY_S3 = {_APPROVED, _WAITED, _NO_ANNOUNCEMENT}
_ALL = [*_DELIVERIES, _NO_DELIVERY, _CUT_OFF, _NO_ANNOUNCEMENT]


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
    fault: Exception | None = None
    deadline: Deadline = NEVER
    sent: list[dict[str, Any]] = field(default_factory=list)
    ran: list[Delivery] = field(default_factory=list)
    gave_up: list[Delivery] = field(default_factory=list)
    ended: ImportStatus = ImportStatus.FAILED

    def run(self, delivery: Delivery) -> ImportRecord:
        self.ran.append(delivery)
        if self.fault:
            raise self.fault
        return ImportRecord(delivery=delivery, started_at=_STORED_AT, status=ImportStatus.FINISHED)

    def give_up(self, delivery: Delivery, _fault: Fault) -> ImportRecord:
        self.gave_up.append(delivery)
        return ImportRecord(delivery=delivery, started_at=_STORED_AT, status=self.ended)


@pytest.fixture
def noted() -> Iterator[_Noted]:
    """The importer that the handler works with; S3 has each file in the version that is asked for, and no other."""
    client = botocore.session.get_session().create_client(
        "s3", region_name="eu-central-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    with Stubber(client) as s3:
        for _ in range(2):
            s3.add_response(
                "head_object",
                {"VersionId": "one", "LastModified": _STORED_AT, "ContentLength": 1841, "Metadata": {}},
                {"Bucket": "drop-box", "Key": ANY, "VersionId": ANY},
            )
        noted = _Noted(SimpleNamespace(drop_box=DropBox("drop-box", client)))
        sqs = SimpleNamespace(send_message=lambda **said: noted.sent.append(said))
        queue = ImportQueue("url", sqs)
        with mock.patch.multiple(importer, _importer=lambda: noted, _max_tries=lambda: _TRIES, _queue=lambda: queue):
            yield noted


def test_every_example_event_is_tested() -> None:
    assert {path.stem for path in _FOLDER.iterdir()} == {*_ALL}


@pytest.mark.parametrize("name", _DELIVERIES)
def test_the_importer_imports_what_an_example_announces(name: str, noted: _Noted) -> None:
    importer.handler(_event(name), Context())

    (delivery,) = noted.ran
    assert (delivery.mode, delivery.manufacturer, delivery.file_name) == _DELIVERIES[name]
    assert (delivery.requester, delivery.source_ip_address) == ("210987654321", "192.0.2.17")


def test_the_marker_of_a_folder_is_no_list_and_leaves_a_trace(
    noted: _Noted, capsys: pytest.CaptureFixture[str]
) -> None:
    importer.handler(_event(_NO_DELIVERY), Context())

    assert _announced(_NO_DELIVERY)["detail"]["object"]["size"] == 0
    assert noted.ran == []
    assert '"ImportFolder":[1.0]' in capsys.readouterr().out


@pytest.mark.parametrize("name", _DELIVERIES)
def test_the_importer_gives_up_on_the_last_try_and_on_no_other(name: str, noted: _Noted) -> None:
    noted.fault = Fault(FaultReason.STORE_UNAVAILABLE)
    with pytest.raises(Fault):
        importer.handler(_event(name), Context())

    # The tries before it waited for its turn count as well.
    assert noted.gave_up == (noted.ran if name in {"last-try", _WAITED} else [])


def test_a_file_whose_tries_were_all_cut_off_is_given_up_without_another_one(noted: _Noted) -> None:
    with pytest.raises(Fault) as raised:
        importer.handler(_event(_CUT_OFF), Context())

    assert raised.value.reason is FaultReason.IMPORT_CUT_OFF
    assert (noted.ran, [delivery.file_name for delivery in noted.gave_up]) == ([], ["line4.csv"])


def test_a_last_try_that_was_cut_off_after_the_end_of_the_import_is_no_dead_letter(noted: _Noted) -> None:
    noted.ended = ImportStatus.FINISHED
    importer.handler(_event(_CUT_OFF), Context())

    assert (noted.ran, len(noted.gave_up)) == ([], 1)


def test_a_file_that_s3_does_not_give_is_given_up_with_what_the_message_tells(noted: _Noted) -> None:
    noted.journal.drop_box = DropBox("drop-box", SimpleNamespace(head_object=_gone))
    with pytest.raises(Fault):
        importer.handler(_event("list-delivered"), Context())
    with pytest.raises(Fault):
        importer.handler(_event("last-try"), Context())

    (delivery,) = noted.gave_up
    assert (delivery.manufacturer, delivery.file_name, delivery.requester) == ("acme", "line4.csv", "210987654321")
    assert (delivery.file.stored_at, delivery.file.size_bytes) == (_STORED_AT, 1841)


def _gone(**_: str) -> None:
    raise ClientError({"Error": {"Code": "404"}}, "HeadObject")


def test_a_file_that_waits_for_its_turn_comes_back_later_and_loses_no_try(noted: _Noted) -> None:
    noted.fault = WaitsForTurn()
    for name in ("list-delivered", _WAITED):
        importer.handler(_event(name), Context())

    assert [said["DelaySeconds"] for said in noted.sent] == [30, 240]
    first, later = (json.loads(said["MessageBody"]) for said in noted.sent)
    assert [(said["earlier-receives"], said["postponed"]) for said in (first, later)] == [(0, 1), (4, 4)]
    again = Announcement.parse(noted.sent[0]["MessageBody"], sent_at=datetime.now(UTC))
    assert again == replace(_parsed("list-delivered"), size_bytes=None, postponed=1)


def _parsed(name: str) -> Announcement:
    return Announcement.parse(json.dumps(_announced(name)), sent_at=datetime.now(UTC))


def test_an_import_that_goes_on_is_announced_at_once_and_its_tries_begin_anew(noted: _Noted) -> None:
    noted.fault = GoesOn()
    importer.handler(_event("last-try"), Context())

    (said,) = noted.sent
    assert said["DelaySeconds"] == 0
    assert Announcement.parse(said["MessageBody"], sent_at=datetime.now(UTC)).receives == 1


@pytest.mark.parametrize(
    "body",
    [
        json.loads((_FOLDER / f"{_NO_ANNOUNCEMENT}.json").read_text())["Records"][0]["body"],
        *("", "null", "[]", "7", "{}", '{"detail": "x"}', '{"detail": {"object": []}}', "[" * 100_000),
        *('{"detail": {"object": {"key": null}}}', '{"detail": {"object": {"key": ""}}}', "\ud800{"),
    ],
)
def test_a_message_that_announces_nothing_leaves_a_trace_and_becomes_a_dead_letter(
    body: str, noted: _Noted, capsys: pytest.CaptureFixture[str]
) -> None:
    event = _event("list-delivered")
    event["Records"][0]["body"] = body
    with pytest.raises(NotAnAnnouncement):
        importer.handler(event, Context())

    assert noted.ran == []
    printed = capsys.readouterr().out
    assert '"ImportFault":[1.0]' in printed


@pytest.mark.parametrize(
    ("name", "value"), [("size", "x"), ("size", -1), ("size", True), ("version-id", 7), ("version-id", {})]
)
def test_what_a_message_says_beside_the_key_is_taken_only_where_it_can_be_true(name: str, value: object) -> None:
    body = {"time": "yesterday", "detail": {"object": {"key": "incoming/acme/x.csv", name: value}, "requester": []}}
    announced = Announcement.parse(json.dumps(body), sent_at=_STORED_AT)

    assert announced == Announcement(key="incoming/acme/x.csv", announced_at=_STORED_AT)


@pytest.mark.parametrize("name", [name for name in _ALL if name not in _NOT_BY_S3])
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
    for name in set(_ALL) - {_NO_ANNOUNCEMENT}:
        assert _announced(name)["detail"]["object"]["key"].startswith(prefixes), name


def test_an_approved_import_is_announced_as_the_command_does(noted: _Noted) -> None:
    importer.handler(_event(_APPROVED), Context())
    (delivery,) = noted.ran
    version = _announced(_APPROVED)["detail"]["object"]["version-id"]
    approved = replace(delivery, file=replace(delivery.file, version_id=version))

    assert Announcement.of(approved).document() == _announced(_APPROVED)


@pytest.mark.parametrize("name", _ALL)
def test_an_example_comes_by_way_of_the_queue(name: str) -> None:
    (message,) = SQSEvent(_event(name)).records

    assert message.event_source == "aws:sqs"
    assert message.md5_of_body == hashlib.md5(message.body.encode(), usedforsecurity=False).hexdigest()
