"""An approved device, and what operators reach it with."""

import json
from pathlib import Path

import pytest

from fleetgate.domain.identifiers import MacAddress
from fleetgate.domain.operator_action import Operator
from fleetgate.store.audit_items import make_clock
from fleetgate.store.tables import TableSettings
from fleetgate_cli.errors import ExitCode
from fleetgate_cli.target import Target
from harness.certificates import issued_certificate
from harness.command import Answer, Fleetgate
from harness.embedded import Embedded
from tests.integration.cli.commands.devices import ROOT_ARN, Ask, adding


@pytest.fixture
def mac(serial_number: str) -> str:
    """A MAC address nobody used before."""
    return MacAddress.parse("00" + serial_number[-10:]).value


@pytest.fixture
def approved(fleetgate: Fleetgate, serial_number: str, mac: str) -> str:
    """The serial number of an approved device."""
    assert fleetgate(*adding(serial_number, mac)).exit_code == ExitCode.DONE
    return serial_number


@pytest.fixture
def table_settings(fleetgate: Fleetgate) -> TableSettings:
    """The stack's tables as the command reaches them."""
    return Target.embedded(Path.cwd()).table_settings()


@pytest.fixture
def operator() -> Operator:
    """Somebody who acts."""
    return Operator(actor=ROOT_ARN, reason="a test", clock=make_clock())


@pytest.fixture
def ask(fleetgate: Fleetgate, embedded: Embedded, tmp_path: Path) -> Ask:
    """Has the deployed hook asked about a device."""
    event = tmp_path / "event.json"
    pems: dict[str, str] = {}

    def ask(serial_number: str, mac: str, certificate_id: str) -> Answer:
        event.write_text(
            json.dumps(
                {
                    "claimCertificateId": embedded.stack.claim_certificate_id,
                    "certificateId": certificate_id,
                    "certificatePem": pems.setdefault(certificate_id, issued_certificate().pem),
                    "templateArn": embedded.hook_environment["PROVISIONING_TEMPLATE_ARN"],
                    "clientId": "claim-test",
                    "parameters": {"SerialNumber": serial_number, "MacAddress": mac},
                }
            )
        )
        return fleetgate("hook", "invoke", "--event", str(event), "--json")

    return ask
