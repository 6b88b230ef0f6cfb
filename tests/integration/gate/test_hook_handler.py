"""The handler from event to answer: what AWS IoT gets, what is logged and measured, and what never leaks."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.gate import hook
from harness import faulty_dynamodb as faults
from harness.embedded import Embedded
from harness.faulty_dynamodb import FaultyDynamoDB
from tests.integration.conftest import MAC

UNREADABLE_PEM = "-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----\n"
DENIED = {"allowProvisioning": False, "parameterOverrides": {}}


def lines(captured: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.splitlines()]


def metrics_in(captured: str) -> list[str]:
    emf = [line for line in lines(captured) if "_aws" in line]
    return [
        metric["Name"] for line in emf for group in line["_aws"]["CloudWatchMetrics"] for metric in group["Metrics"]
    ]


def test_an_approved_device_gets_everything_the_template_reads(
    invoke: Callable[..., Any], event: dict[str, Any], approved: AllowListEntry, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = invoke(event)

    assert answer["allowProvisioning"] is True
    overrides = answer["parameterOverrides"]
    decision_id = overrides.pop("DecisionId")
    assert overrides == {
        "SerialNumber": approved.serial_number.value,
        "MacAddress": MAC,
        "ThingName": f"fg-{approved.serial_number}",
        "ThingGroup": "fleetgate-devices",
        "Model": "thermostat-2",
        "HardwareRevision": "none",
    }
    captured = capsys.readouterr().out
    assert metrics_in(captured) == ["RegistrationAllowed"]
    assert [line["decision_id"] for line in lines(captured) if "decision_id" in line] == [decision_id]


def test_a_device_cannot_choose_what_the_template_reads(invoke: Callable[..., Any], event: dict[str, Any]) -> None:
    event["parameters"].update(
        ThingGroup="administrators", ThingName="root", Model="forged", DecisionId="forged", HardwareRevision="9"
    )
    overrides = invoke(event)["parameterOverrides"]

    assert {**event["parameters"], **overrides}["ThingGroup"] == "fleetgate-devices"
    assert not {"administrators", "root", "forged", "9"} & set(overrides.values())
    assert set(event["parameters"]) - {"SerialNumber", "MacAddress"} <= set(overrides)


def test_nothing_of_an_allow_reaches_the_next_device(invoke: Callable[..., Any], event: dict[str, Any]) -> None:
    assert invoke(event)["allowProvisioning"] is True
    assert invoke({**event, "parameters": {"SerialNumber": "unknown", "MacAddress": MAC}}) == DENIED
    assert invoke({**event, "parameters": None}) == DENIED
    assert invoke(event)["allowProvisioning"] is True


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"parameters": None}, "parameters_missing"),
        ({"parameters": {}}, "parameters_missing"),
        ({"parameters": {"SerialNumber": ""}}, "serial_number_missing"),
        ({"parameters": {"SerialNumber": 7}}, "parameter_invalid"),
        ({"parameters": {"SerialNumber": "x" * 5000}}, "parameter_invalid"),
        ({"parameters": {"SerialNumber": "Gerät"}}, "parameter_invalid"),
        ({"claimCertificateId": None}, "claim_certificate_missing"),
        ({"templateArn": "arn:aws:iot:eu-central-1:000000000000:provisioningtemplate/other"}, "unknown_template"),
        ({"certificatePem": None}, "certificate_unreadable"),
        ({"certificatePem": ""}, "certificate_unreadable"),
        ({"certificatePem": ["-----BEGIN CERTIFICATE-----"]}, "certificate_unreadable"),
        ({"certificatePem": UNREADABLE_PEM}, "certificate_unreadable"),
    ],
)
def test_bad_input_is_a_denial_with_its_reason_and_a_record(
    change: dict[str, Any],
    reason: str,
    invoke: Callable[..., Any],
    event: dict[str, Any],
    embedded: Embedded,
    capsys: pytest.CaptureFixture[str],
) -> None:
    event.update(change)
    assert invoke(event) == DENIED

    captured = capsys.readouterr().out
    assert metrics_in(captured) == ["RegistrationDenied"]
    (entry,) = [line for line in lines(captured) if "_aws" not in line]
    assert (entry["message"], entry["reason"]) == ("registration denied", reason)
    records = embedded.records(f"claim#{event['claimCertificateId'] or 'none'}")
    assert [r.reason for r in records if r.certificate_id == event["certificateId"]] == [reason]


def test_absent_keys_are_denials_too(invoke: Callable[..., Any], event: dict[str, Any]) -> None:
    del event["parameters"], event["claimCertificateId"], event["clientId"], event["certificatePem"]
    assert invoke(event) == DENIED


@pytest.mark.parametrize(
    "event_of_another_kind", [None, [], "text", {}, {"Records": []}, {"certificateId": 1, "templateArn": "x"}]
)
def test_an_event_of_another_kind_is_a_fault_and_denies(
    event_of_another_kind: Any, invoke: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(event_of_another_kind) == DENIED
    captured = capsys.readouterr().out
    assert metrics_in(captured) == ["RegistrationFault"]
    assert '"fault":"not_a_hook_event"' in captured


@pytest.mark.parametrize(
    ("fault", "reasons"),
    [
        # All attempts time out; on a busy machine the hook's own time may be up in the pause before the last one.
        (faults.hang, ("store_timeout", "deadline_exceeded")),
        (faults.trickle, ("deadline_exceeded",)),
        (faults.throttle, ("store_throttled",)),
        (faults.fail, ("store_unavailable",)),
    ],
)
def test_a_store_that_fails_is_a_fault_and_denies(
    fault: faults.Fault,
    reasons: tuple[str, ...],
    role_environment: dict[str, str],
    faulty: FaultyDynamoDB,
    event: dict[str, Any],
    invoke: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", faulty.endpoint_url)
    faulty.always(fault)
    assert invoke(event) == DENIED

    captured = capsys.readouterr().out
    assert metrics_in(captured) == ["RegistrationFault"]
    assert any(f'"fault":"{reason}"' in captured for reason in reasons)


def test_a_deadline_that_was_missed_does_not_hurt_the_next_device(
    faulty: FaultyDynamoDB, event: dict[str, Any], invoke: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", faulty.endpoint_url)
    faulty.next(faults.trickle)
    assert invoke(event, seconds=1.0) == DENIED
    assert invoke(event)["allowProvisioning"] is True


def test_a_bug_is_a_fault_that_denies_and_quotes_nothing(
    event: dict[str, Any],
    invoke: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def explode(*_args: object, **_kwargs: object) -> None:
        raise KeyError(event["parameters"]["SerialNumber"])

    monkeypatch.setattr(hook, "register_thing", explode)
    assert invoke(event) == DENIED
    captured = capsys.readouterr().out
    assert '"fault":"unexpected"' in captured
    assert event["parameters"]["SerialNumber"] not in captured


def test_nothing_that_could_be_replayed_is_logged_or_recorded(
    event: dict[str, Any],
    invoke: Callable[..., Any],
    embedded: Embedded,
    approved: AllowListEntry,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("POWERTOOLS_LOGGER_LOG_EVENT", "true")
    event["certificateOwnershipToken"] = event["parameters"]["token"] = "ownership-token"
    invoke(event)
    invoke({**event, "certificateId": "another"})
    invoke({**event, "templateArn": 5})
    written = capsys.readouterr().out + repr(embedded.records(f"device#{approved.serial_number}"))

    assert not [line for line in event["certificatePem"].splitlines() if line in written]
    assert "BEGIN CERTIFICATE" not in written
    assert "ownership-token" not in written


def test_the_example_events_are_understood(
    invoke: Callable[..., Any], role_environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    examples = sorted((Path(__file__).parents[3] / "events" / "hook").glob("*.json"))
    assert examples
    for example in examples:
        document = json.loads(example.read_text())
        if isinstance(document, dict) and "templateArn" in document and example.stem != "unknown-template":
            document["templateArn"] = role_environment["PROVISIONING_TEMPLATE_ARN"]
        assert invoke(document) == DENIED, example.name
        expected = "RegistrationFault" if example.stem == "not-a-hook-event" else "RegistrationDenied"
        assert metrics_in(capsys.readouterr().out) == [expected], example.name
