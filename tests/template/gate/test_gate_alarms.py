"""The alarms of the gate: it fails, it is slow, or denials point at somebody."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ulid import ULID

from fleetgate.domain.allow_list import AllowListEntry, Purpose, Reservation
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.store.allow_list_items import KeyItem, assignment_key
from harness.certificates import issued_certificate
from harness.embedded import Embedded
from tests.template.alarms import STACK_NAME, TUNED, Alarms, Metric, emitted_by, metrics_of, of_function, watched_in
from tests.template.intrinsics import Deployment

# A fault that needs no DynamoDB: an event that AWS IoT never sends.
RAISE_A_FAULT = """
from types import SimpleNamespace
from fleetgate.gate.hook import handler
handler("not a hook event", SimpleNamespace(
    function_name="hook", memory_limit_in_mb=1024, invoked_function_arn="arn", aws_request_id="1",
    get_remaining_time_in_millis=lambda: 5000,
))
"""


@pytest.fixture(scope="module")
def emitted(deployment: Deployment) -> set[Metric]:
    """The metrics that the hook, with the variables the template gives it, emits of a fault."""
    return metrics_of([RAISE_A_FAULT], deployment.resource("HookFunction")["Environment"]["Variables"])


@pytest.fixture(scope="module")
def emitted_of_denials(deployment: Deployment, embedded: Embedded) -> dict[str, set[Metric]]:
    """By what a device presents, the metrics that the hook emits of its denial, under its own role."""
    claim = ClaimCertificate(certificate_id=secrets.token_hex(32), manufacturer="acme")
    serial_number = f"ALARMS-{secrets.token_hex(4)}"
    mac_address, now = MacAddress.parse("001b44113ab7"), datetime.now(UTC)
    reservation = Reservation(
        certificate_id=secrets.token_hex(32),
        claim_certificate_id=claim.certificate_id,
        decision_id=str(ULID()),
        purpose=Purpose.ENROLMENT,
        reserved_at=now,
        deadline=now + timedelta(hours=1),
    )
    device = AllowListEntry(
        serial_number=SerialNumber(serial_number), manufacturer="acme", mac_addresses=frozenset({mac_address})
    )
    genuine, somebodys = issued_certificate(), issued_certificate()
    named = replace(
        device, serial_number=SerialNumber(f"{serial_number}-named"), key_fingerprint=genuine.key_fingerprint
    )
    other = replace(device, serial_number=SerialNumber(f"{serial_number}-other"))
    embedded.put(claim)
    embedded.put(device.reserve(reservation))
    embedded.put(named)
    embedded.put(other)
    key = KeyItem(assignment_key(somebodys.key_fingerprint), serial_number=serial_number, updated_at=now)
    embedded.put_raw(key.serialize())
    variables = deployment.resource("HookFunction")["Environment"]["Variables"]
    presented = {
        "nobody": ("ALARMS-nobody", mac_address.value, issued_certificate()),
        "another MAC address": (serial_number, "001b44113ab8", issued_certificate()),
        "a taken identity": (serial_number, mac_address.value, issued_certificate()),
        "a key of another device": (other.serial_number.value, mac_address.value, somebodys),
        "another key than listed": (named.serial_number.value, mac_address.value, issued_certificate()),
        "no readable key": (serial_number, mac_address.value, replace(issued_certificate(), pem="no PEM")),
    }
    emitted = {}
    for name, (asked_for, presented_mac_address, certificate) in presented.items():
        event = {
            "claimCertificateId": claim.certificate_id,
            "certificateId": certificate.certificate_id,
            "certificatePem": certificate.pem,
            "templateArn": variables["PROVISIONING_TEMPLATE_ARN"],
            "clientId": "claim-alarms",
            "parameters": {"SerialNumber": asked_for, "MacAddress": presented_mac_address},
        }
        # A busy machine takes its time.
        emitted[name] = emitted_by(deployment, embedded, "HookFunction", event, ANSWER_MILLISECONDS="60000")
    return emitted


def test_there_is_an_alarm_for_each_way_the_hook_can_fail_devices(alarms: Alarms) -> None:
    hook = {alarm["MetricName"] for name, alarm in alarms.items() if name.startswith("Hook")}

    assert hook == {"Errors", "Throttles", "RegistrationFault", "Duration"}


@pytest.mark.parametrize("name", TUNED)
def test_a_threshold_that_needs_tuning_is_a_parameter(name: str, template: dict[str, Any], alarms: Alarms) -> None:
    metric, parameter = TUNED[name]
    tuned = Deployment(template, {parameter: "777"}).resource(name)

    assert (alarms[name]["MetricName"], tuned["Threshold"]) == (metric, "777")
    assert (alarms[name]["Period"], alarms[name]["EvaluationPeriods"]) == (300, 1)


def test_the_hook_is_slow_when_one_answer_in_a_hundred_comes_near_the_time_that_aws_iot_waits(
    alarms: Alarms,
) -> None:
    alarm = alarms["HookSlowAlarm"]

    assert (alarm["ExtendedStatistic"], alarm.get("Statistic")) == ("p99", None)
    assert int(alarm["Threshold"]) < 5000


def test_a_denial_has_a_metric_and_what_points_at_a_copy_another_board_or_another_key_one_more(
    emitted_of_denials: dict[str, set[Metric]],
) -> None:
    names = {presented: {name for _, name, _ in found} for presented, found in emitted_of_denials.items()}

    assert names == {
        "nobody": {"RegistrationDenied"},
        "another MAC address": {"RegistrationDenied", "MacAddressMismatch"},
        "a taken identity": {"RegistrationDenied", "SecondClaim"},
        "a key of another device": {"RegistrationDenied", "KeyReused"},
        "another key than listed": {"RegistrationDenied", "KeyMismatch"},
        "no readable key": {"RegistrationDenied"},
    }


def test_a_fault_is_a_metric_of_this_stack(emitted: set[Metric]) -> None:
    assert emitted == {("Fleetgate", "RegistrationFault", frozenset({("service", f"{STACK_NAME}-hook")}))}


def test_every_alarm_watches_a_metric_that_is_emitted(
    alarms: Alarms, emitted: set[Metric], emitted_of_denials: dict[str, set[Metric]]
) -> None:
    known = of_function("HookFunction", "Errors", "Throttles", "Duration") | emitted.union(*emitted_of_denials.values())

    assert watched_in("gate", alarms) - known == set()
