"""Actions over HTTP under the action function's own role, with certificates that AWS IoT really has."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ulid import ULID

from fleetgate.api.orders import ClaimAction, DeviceAction, GateAction
from fleetgate.domain.allow_list import AllowListEntry, DeviceCertificate, DeviceState, Hold
from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.operators import many_certificates
from harness.api_world import SESSION_ARN, ApiAnswer, ApiWorld, Context
from harness.embedded import Embedded
from harness.import_world import ImportWorld
from harness.world import mac

WHY = "a test"
NO_TIME = 5_000


@pytest.fixture
def api(embedded: Embedded) -> Iterator[ApiWorld]:
    """The API; however a test ends, the gate is open for the next."""
    api = ApiWorld(embedded)
    yield api
    api.post("/v1/gate/start", reason=WHY)


@pytest.fixture
def manufacturer() -> str:
    """A manufacturer that nobody used before, with a name that no path could hold."""
    return f"maker/{secrets.token_hex(4)} & söhne"


@pytest.fixture
def provisioned(embedded: Embedded, manufacturer: str) -> Callable[..., AllowListEntry]:
    """Puts a device on the allow-list that has an active certificate."""

    def make(**changes: Any) -> AllowListEntry:
        issued = embedded.client("iot").create_keys_and_certificate(setAsActive=True)["certificateId"]
        entry = AllowListEntry(
            **{
                "serial_number": SerialNumber(f"ACT-{secrets.token_hex(6)}"),
                "manufacturer": manufacturer,
                "device_certificate": DeviceCertificate(certificate_id=issued, decision_id="a-decision"),
                **changes,
            }
        )
        embedded.put(entry)
        return entry

    return make


def status(embedded: Embedded, entry: AllowListEntry) -> str:
    """What AWS IoT says of a device's certificate."""
    assert entry.device_certificate
    found = embedded.client("iot").describe_certificate(certificateId=entry.device_certificate.certificate_id)
    return str(found["certificateDescription"]["status"])


def actions(embedded: Embedded, subject: str) -> list[tuple[str | None, str | None, str]]:
    """What operators did, oldest first: action, who, why."""
    records = [record for record in embedded.records(subject) if record.kind is RecordKind.OPERATOR_ACTION]
    return [(record.action, record.actor, record.reason) for record in records]


def test_a_quarantine_denies_a_device_deactivates_its_certificate_and_is_undone_by_a_release(
    api: ApiWorld, embedded: Embedded, provisioned: Callable[..., AllowListEntry]
) -> None:
    entry = provisioned()
    path, subject = f"/v1/devices/{entry.serial_number}", f"device#{entry.serial_number}"

    answer = api.post(f"{path}/quarantine", reason=WHY)
    stopped = DeviceAction.model_validate(answer.json)
    assert stopped.result == "quarantined"
    assert stopped.certificates is not None
    assert (stopped.certificates.complete, stopped.certificates.results) == (True, {"deactivated": 1})
    assert embedded.entry(entry.serial_number).hold is Hold.QUARANTINED
    assert status(embedded, entry) == "INACTIVE"

    again = api.post(f"{path}/quarantine", reason="another word")
    assert (again.json["result"], again.json["record_id"]) == ("unchanged", None)
    assert again.json["certificates"]["results"] == {"unchanged": 1}

    released = api.post(f"{path}/release", reason="case closed")
    assert released.json["result"] == "released"
    assert status(embedded, entry) == "ACTIVE"
    assert actions(embedded, subject) == [
        ("quarantine", SESSION_ARN, WHY),
        ("deactivate_certificate", SESSION_ARN, WHY),
        ("release", SESSION_ARN, "case closed"),
        ("activate_certificate", SESSION_ARN, "case closed"),
    ]


def test_certificates_can_be_kept(
    api: ApiWorld, embedded: Embedded, provisioned: Callable[..., AllowListEntry]
) -> None:
    entry = provisioned()
    answer = api.post(f"/v1/devices/{entry.serial_number}/quarantine", reason=WHY, keep_certificates=True)

    assert answer.json["certificates"] is None
    assert status(embedded, entry) == "ACTIVE"


def test_a_retired_device_stays_so(
    api: ApiWorld, embedded: Embedded, provisioned: Callable[..., AllowListEntry]
) -> None:
    entry = provisioned()
    path = f"/v1/devices/{entry.serial_number}"

    assert api.post(f"{path}/retire", reason=WHY).json["device"]["state"] == DeviceState.RETIRED
    assert status(embedded, entry) == "INACTIVE"
    assert api.post(f"{path}/release", reason=WHY).problem == (409, "device_retired")


def test_a_repair_window_is_open_as_long_as_was_said(
    api: ApiWorld, embedded: Embedded, provisioned: Callable[..., AllowListEntry]
) -> None:
    entry = provisioned()
    api.post(f"/v1/devices/{entry.serial_number}/reopen", reason=WHY, seconds=7200)
    until = embedded.entry(entry.serial_number).repair_window_until

    assert until is not None
    assert 7100 < (until - datetime.now(UTC)).total_seconds() < 7300


def test_a_manufacturer_is_stopped_and_released_with_all_its_certificates(
    api: ApiWorld, embedded: Embedded, provisioned: Callable[..., AllowListEntry], manufacturer: str
) -> None:
    entries, stranger = [provisioned() for _ in range(3)], provisioned(manufacturer="another")

    answer = api.post("/v1/manufacturers/quarantine", manufacturer=manufacturer, reason=WHY)
    stopped = GateAction.model_validate(answer.json)
    assert manufacturer in stopped.gate.manufacturers
    assert stopped.certificates is not None
    assert stopped.certificates.results == {"deactivated": 3}
    assert [status(embedded, entry) for entry in (*entries, stranger)] == [*["INACTIVE"] * 3, "ACTIVE"]

    released = api.post("/v1/manufacturers/release", manufacturer=manufacturer, reason=WHY)
    assert manufacturer not in released.json["gate"]["manufacturers"]
    assert [status(embedded, entry) for entry in entries] == ["ACTIVE"] * 3


def all_pieces(api: ApiWorld, path: str, **order: Any) -> list[ApiAnswer]:
    """The answers of an action for which there is never time, until it is complete."""
    answers = [api.post(path, context=Context(NO_TIME), **order)]
    while cursor := answers[-1].json["certificates"]["next_cursor"]:
        assert not answers[-1].json["certificates"]["complete"]
        answers.append(api.post(path, context=Context(NO_TIME), cursor=cursor, **order))
    assert answers[-1].json["certificates"]["complete"]
    return answers


def cursors_of(answers: list[ApiAnswer]) -> list[str]:
    """The cursors of some answers."""
    return [cursor for answer in answers if (cursor := answer.json["certificates"]["next_cursor"])]


def test_what_there_is_no_time_for_goes_on_with_the_cursor(
    api: ApiWorld,
    embedded: Embedded,
    provisioned: Callable[..., AllowListEntry],
    manufacturer: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(many_certificates, "_BATCH_SIZE", 2)
    entries = [provisioned() for _ in range(5)]
    answers = all_pieces(api, "/v1/manufacturers/quarantine", manufacturer=manufacturer, reason=WHY)

    assert len(answers) > 2
    assert [answer.json["result"] for answer in answers] == ["quarantined", *["unchanged"] * (len(answers) - 1)]
    assert sum(answer.json["certificates"]["results"].get("deactivated", 0) for answer in answers) == 5
    assert {status(embedded, entry) for entry in entries} == {"INACTIVE"}
    cursor = answers[0].json["certificates"]["next_cursor"]
    other = api.post("/v1/manufacturers/release", manufacturer=manufacturer, reason=WHY, cursor=cursor)
    assert other.problem == (400, "bad_cursor")
    assert manufacturer in api.get("/v1/gate").json["manufacturers"]
    api.post("/v1/manufacturers/release", manufacturer=manufacturer, reason=WHY)


def test_going_on_does_not_undo_what_somebody_did_since(
    api: ApiWorld, provisioned: Callable[..., AllowListEntry], manufacturer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many_certificates, "_BATCH_SIZE", 1)
    for _ in range(3):
        provisioned()
    order: dict[str, Any] = {"manufacturer": manufacturer, "reason": WHY}
    api.post("/v1/manufacturers/quarantine", **order)
    first = api.post("/v1/manufacturers/release", context=Context(NO_TIME), **order)
    api.post("/v1/manufacturers/quarantine", **order)

    cursor = first.json["certificates"]["next_cursor"]
    assert api.post("/v1/manufacturers/release", cursor=cursor, **order).problem == (409, "changed_meanwhile")
    assert manufacturer in api.get("/v1/gate").json["manufacturers"]
    api.post("/v1/manufacturers/release", **order)


def test_others_see_no_hardware_identifiers_in_what_was_done(
    embedded: Embedded, provisioned: Callable[..., AllowListEntry]
) -> None:
    entry = provisioned(mac_addresses=frozenset({MacAddress.parse("00:1b:44:11:3a:b7")}))
    api = ApiWorld(embedded, {"API_FULL_VIEW": "somebody-else"})
    answer = api.post(f"/v1/devices/{entry.serial_number}/quarantine", reason=WHY, keep_certificates=True)

    assert answer.json["device"]["state"] == "quarantined"
    assert "00:1b:44:11:3a:b7" not in answer.text


def test_an_import_is_stopped_and_released(
    api: ApiWorld, embedded: Embedded, imports: ImportWorld, provisioned: Callable[..., AllowListEntry]
) -> None:
    delivery = imports.deliver(f"sn,mac\n{imports.manufacturer}-1,{mac()}\n")
    import_id = imports.importer().run(delivery).import_id
    first, last, other = provisioned(first_import_id=import_id), provisioned(import_id=import_id), provisioned()

    stopped = api.post(f"/v1/imports/{import_id}/quarantine", reason=WHY)
    assert stopped.json["gate"]["imports"] == [import_id]
    assert [status(embedded, entry) for entry in (first, last, other)] == ["INACTIVE", "INACTIVE", "ACTIVE"]

    assert api.post(f"/v1/imports/{import_id}/release", reason=WHY).json["gate"]["imports"] == []
    assert status(embedded, first) == "ACTIVE"


def test_an_import_that_there_is_not_cannot_be_stopped(api: ApiWorld) -> None:
    answer = api.post("/v1/imports/20260131T080000Z-0123456789ab/quarantine", reason=WHY)
    assert answer.problem == (404, "unknown_import")


def test_the_gate_is_stopped_and_started(api: ApiWorld, embedded: Embedded) -> None:
    assert GateAction.model_validate(api.post("/v1/gate/stop", reason=WHY).json).gate.state == "stopped"
    assert api.post("/v1/gate/stop", reason=WHY).json["result"] == "unchanged"
    assert api.post("/v1/gate/start", reason="closed").json["gate"]["state"] == "open"
    assert actions(embedded, "gate")[-2:] == [("stop_gate", SESSION_ARN, WHY), ("start_gate", SESSION_ARN, "closed")]


def test_a_claim_certificate_is_blocked_with_what_was_issued_through_it(
    api: ApiWorld,
    embedded: Embedded,
    claim: ClaimCertificate,
    provisioned: Callable[..., AllowListEntry],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(many_certificates, "_BATCH_SIZE", 1)
    entries = [provisioned() for _ in range(3)]
    for entry in entries:
        assert entry.device_certificate
        moment = datetime.now(UTC) - timedelta(minutes=1)
        decision = AuditRecord(
            record_id=str(ULID.from_datetime(moment)),
            recorded_at=moment,
            kind=RecordKind.DECISION,
            verdict=Verdict.ALLOWED,
            reason="first_reservation",
            serial_number=entry.serial_number.value,
            certificate_id=entry.device_certificate.certificate_id,
            claim_certificate_id=claim.certificate_id,
        )
        embedded.put_record(decision)
    path = f"/v1/claim-certificates/{claim.certificate_id}"

    blocked = ClaimAction.model_validate(api.post(f"{path}/block", reason=WHY).json)
    assert (blocked.claim["status"], blocked.certificates) == ("blocked", None)
    assert {status(embedded, entry) for entry in entries} == {"ACTIVE"}

    answers = all_pieces(api, f"{path}/block", reason=WHY, deactivate_devices=True)
    assert len(answers) > 3
    assert sum(answer.json["certificates"]["results"].get("deactivated", 0) for answer in answers) == 3
    assert {status(embedded, entry) for entry in entries} == {"INACTIVE"}

    released = api.post(f"{path}/release", reason="the wrong one")
    assert released.json["claim"]["status"] == "active"
    stale = api.post(f"{path}/block", reason=WHY, deactivate_devices=True, cursor=cursors_of(answers)[0])
    assert stale.problem == (409, "changed_meanwhile")
    assert {status(embedded, entry) for entry in entries} == {"INACTIVE"}


def test_a_claim_certificate_is_blocked_and_refused_by_aws_iot_as_well(api: ApiWorld, embedded: Embedded) -> None:
    iot = embedded.client("iot")
    claim = ClaimCertificate(
        certificate_id=iot.create_keys_and_certificate(setAsActive=True)["certificateId"], manufacturer="acme"
    )
    embedded.put(claim)
    path = f"/v1/claim-certificates/{claim.certificate_id}/block"

    assert api.post(path, reason=WHY, deactivate=True).json["certificates"]["results"] == {"deactivated": 1}
    found = iot.describe_certificate(certificateId=claim.certificate_id)["certificateDescription"]
    assert found["status"] == "INACTIVE"
    assert api.post(path, reason=WHY, deactivate=True).json["certificates"]["results"] == {"unchanged": 1}
    done = [action for action, _, _ in actions(embedded, f"claim#{claim.certificate_id}")]
    assert sorted(filter(None, done)) == ["block_claim", "deactivate_certificate"]


def test_what_aws_iot_refuses_is_told_and_the_device_is_denied_all_the_same(
    embedded: Embedded, provisioned: Callable[..., AllowListEntry]
) -> None:
    entry = provisioned()
    api = ApiWorld(embedded, {"AWS_ENDPOINT_URL_IOT": "http://127.0.0.1:9"})
    answer = api.post(f"/v1/devices/{entry.serial_number}/quarantine", reason=WHY)

    assert answer.status == 200
    assert not answer.json["certificates"]["complete"]
    assert [one["result"] for one in answer.json["certificates"]["not_done"]] == ["unavailable"]
    assert embedded.entry(entry.serial_number).hold is Hold.QUARANTINED


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/gate/stop", {}, "body.reason"),
        ("/v1/gate/stop", {"reason": ""}, "body.reason"),
        ("/v1/gate/stop", {"reason": "two\nlines"}, "body.reason"),
        ("/v1/gate/stop", {"reason": " at the end "}, "body.reason"),
        ("/v1/gate/stop", {"reason": "red \x9b31m"}, "body.reason"),
        ("/v1/gate/stop", {"reason": "acme \u202egnp"}, "body.reason"),
        ("/v1/gate/stop", {"reason": WHY, "force": True}, "body.force"),
        ("/v1/devices/SN-1/quarantine", {"reason": WHY, "keep_certificates": "yes"}, "body.keep_certificates"),
        ("/v1/devices/SN-1/reopen", {"reason": WHY}, "body.seconds"),
        ("/v1/devices/SN-1/reopen", {"reason": WHY, "seconds": 0}, "body.seconds"),
        ("/v1/devices/SN-1/reopen", {"reason": WHY, "seconds": 31 * 86_400}, "body.seconds"),
        ("/v1/manufacturers/quarantine", {"reason": WHY}, "body.manufacturer"),
        ("/v1/imports/nonsense/quarantine", {"reason": WHY}, "path.import_id"),
        ("/v1/claim-certificates/abc/block", {"reason": WHY}, "path.certificate_id"),
    ],
    ids=str,
)
def test_an_order_that_is_wrong_changes_nothing_and_says_where(
    api: ApiWorld, embedded: Embedded, path: str, body: dict[str, Any], field: str
) -> None:
    answer = api.post(path, **body)

    assert answer.problem == (422, "invalid_request")
    assert [one["field"] for one in answer.json["errors"]] == [field]
    assert api.get("/v1/gate").json["state"] == "open"


@pytest.mark.parametrize("body", ["", "{", "[]", '"stop"'])
def test_a_body_that_is_no_order_is_refused(api: ApiWorld, body: str) -> None:
    assert api.send("POST", "/v1/gate/stop", body=body).problem == (422, "invalid_request")


@pytest.mark.parametrize("depth", [3_000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"reason":', "}")])
def test_a_body_that_is_nested_deep_is_refused_as_any_other(
    api: ApiWorld, opening: str, closing: str, depth: int
) -> None:
    body = f'{{"reason": {opening * depth}1{closing * depth}}}'
    assert api.send("POST", "/v1/gate/stop", body=body).problem == (422, "invalid_request")


@pytest.mark.parametrize("kind", ["multipart/form-data", "application/x-www-form-urlencoded", "text/plain"])
def test_a_body_of_another_kind_is_not_looked_at(api: ApiWorld, kind: str) -> None:
    answer = api.send("POST", "/v1/gate/stop", body='{"reason": "a test"}', content_type=kind)

    assert answer.problem == (415, "body_not_json")
    assert api.get("/v1/gate").json["state"] == "open"


def test_a_device_that_nobody_knows_cannot_be_stopped(api: ApiWorld) -> None:
    assert api.post("/v1/devices/NOBODY/quarantine", reason=WHY).problem == (404, "unknown_device")


def test_a_claim_certificate_that_is_not_registered_cannot_be_blocked(api: ApiWorld) -> None:
    answer = api.post(f"/v1/claim-certificates/{'ab' * 32}/block", reason=WHY)
    assert answer.problem == (404, "claim_certificate_not_registered")


def test_nobody_can_act(api: ApiWorld) -> None:
    assert replace(api, authorizer={}).post("/v1/gate/stop", reason=WHY).problem == (403, "caller_unknown")
    assert api.get("/v1/gate").json["state"] == "open"
