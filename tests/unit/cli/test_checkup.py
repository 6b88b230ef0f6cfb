"""`fleetgate doctor`: how it ends, how it shows what it found, and what it asks Service Quotas."""

from io import StringIO
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from rich.console import Console

from fleetgate.outcomes.attachment import GateFinding
from fleetgate_cli.checkup.checks import CHECKS
from fleetgate_cli.checkup.deployed import DeployedStack
from fleetgate_cli.checkup.line import Line, State, exit_code_of
from fleetgate_cli.checkup.quotas import register_thing_quota
from fleetgate_cli.checkup.view import checkup_document, print_checkup
from fleetgate_cli.errors import ExitCode

OK, NOTE, WRONG, UNCHECKED = (Line(check="a", state=state, code="b", sentence="c.") for state in State)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([], ExitCode.DONE),
        ([OK, NOTE], ExitCode.DONE),
        ([OK, UNCHECKED], ExitCode.COULD_NOT_CHECK),
        ([OK, WRONG], ExitCode.REFUSED),
        ([UNCHECKED, WRONG, NOTE], ExitCode.REFUSED),
    ],
)
def test_what_is_wrong_counts_for_more_than_what_could_not_be_checked(lines: list[Line], code: ExitCode) -> None:
    assert exit_code_of(lines) is code


def shown(*lines: Line) -> str:
    """What people see of these lines, in a wide window."""
    stream = StringIO()
    print_checkup(lines, Console(file=stream, width=200, markup=False, highlight=False))
    return stream.getvalue()


def of_finding(kind: GateFinding, about: str, check: str = "claim_certificates") -> Line:
    """The line of a finding."""
    return Line(check=check, state=State.WRONG, code=kind.value, sentence=kind.meaning, remedy=kind.remedy, about=about)


def test_every_part_and_every_finding_fits_80_columns_and_loses_nothing() -> None:
    parts = [Line(check=name, state=state, code="x", sentence="word " * 60) for name in CHECKS for state in State]
    findings = [of_finding(kind, "fleetgate-prod-HookFunction-975E6A5EE4C0B") for kind in GateFinding]
    text = shown(*parts, *findings)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert text.count("word") == 60 * len(parts)
    for finding in findings:
        assert finding.sentence in " ".join(text.split())
        assert f"{finding.code}: {finding.about}" in " ".join(text.split())


def test_findings_that_are_alike_are_shown_once_and_counted_each() -> None:
    lines = [of_finding(GateFinding.CLAIM_POLICY_NOT_ATTACHED, f"{number:x}" * 64) for number in range(7)]
    text = " ".join(shown(*lines, UNCHECKED).split())
    assert text.count(GateFinding.CLAIM_POLICY_NOT_ATTACHED.meaning) == 1
    assert "claim_policy_not_attached: 00000000, 11111111, 22222222, 33333333, 44444444, 2 more" in text
    assert text.endswith("7 problems found. 1 part could not be checked.")
    document = checkup_document([*lines, UNCHECKED])
    assert (document["wrong"], document["could_not_check"], len(document["checks"])) == (7, 1, 8)


def test_that_nothing_is_wrong_is_said_only_where_all_was_checked() -> None:
    assert "Nothing is wrong." in shown(OK, NOTE)
    assert "Nothing is wrong." not in shown(OK, UNCHECKED)


@pytest.mark.parametrize("is_applied", [True, False])
def test_the_quota_of_devices_is_asked_for_and_its_default_where_no_other_is_known(is_applied: bool) -> None:
    client = boto3.client(
        "service-quotas", region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    asked = {"ServiceCode": "iotcore", "QuotaCode": "L-B2BBBD8C"}
    quota: dict[str, Any] = {
        "Quota": {
            "QuotaName": "Fleet Provisioning RegisterThing MQTT API TPS",
            "QuotaCode": "L-B2BBBD8C",
            "Value": 10.0,
        }
    }
    with Stubber(client) as aws:
        if is_applied:
            aws.add_response("get_service_quota", quota, asked)
        else:
            aws.add_client_error("get_service_quota", "NoSuchResourceException", expected_params=asked)
            aws.add_response("get_aws_default_service_quota", quota, asked)
        run: Any = SimpleNamespace(target=SimpleNamespace(client=lambda _service: client))
        (line,) = register_thing_quota(DeployedStack(run), "register_thing_quota")
        aws.assert_no_pending_responses()
    assert line.state is State.OK
    whose = "of this account" if is_applied else "by default"
    assert line.sentence == f"Fleet Provisioning RegisterThing MQTT API TPS: 10 {whose}."
