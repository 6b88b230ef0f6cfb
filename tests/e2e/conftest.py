"""Devices on MQTT with mutual TLS against the whole stack."""

import secrets
from collections.abc import Callable

import pytest

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate_cli.local_stack import StackDescription
from harness.embedded import Embedded
from local.demo.device import Broker, Identity, Issued, Registered, RegistrationRefused, connected


@pytest.fixture(scope="session")
def broker(stack: StackDescription) -> Broker:
    """The stack's broker."""
    return Broker(host=stack.mqtt_host, port=stack.mqtt_port, root_ca_path=stack.root_ca_path)


@pytest.fixture(scope="session")
def make_claim(embedded: Embedded) -> Callable[..., Identity]:
    """Creates an active claim certificate with the claim policy; registered unless the manufacturer is None."""

    def make(manufacturer: str | None) -> Identity:
        iot = embedded.client("iot")
        created = iot.create_keys_and_certificate(setAsActive=True)
        iot.attach_policy(policyName=embedded.stack.outputs["ClaimPolicyName"], target=created["certificateArn"])
        if manufacturer is not None:
            embedded.put(ClaimCertificate(certificate_id=created["certificateId"], manufacturer=manufacturer))
        return Identity(certificate_pem=created["certificatePem"], private_key_pem=created["keyPair"]["PrivateKey"])

    return make


@pytest.fixture(scope="session")
def acme_claim(make_claim: Callable[..., Identity]) -> Identity:
    """The claim certificate that acme flashes."""
    return make_claim("acme")


@pytest.fixture
def device(embedded: Embedded) -> AllowListEntry:
    """An approved device of acme, with a MAC address of its own."""
    entry = AllowListEntry(
        serial_number=SerialNumber(f"E2E-{secrets.token_hex(6)}"),
        manufacturer="acme",
        mac_addresses=frozenset({MacAddress.parse(f"001b44{secrets.token_hex(3)}")}),
        attributes={"Model": "thermostat-2"},
    )
    embedded.put(entry)
    return entry


Ask = Callable[..., tuple[Issued, Registered | RegistrationRefused]]


@pytest.fixture
def ask(broker: Broker, stack: StackDescription, acme_claim: Identity) -> Ask:
    """Does what firmware does on first contact."""

    def run(
        device: AllowListEntry, *, claim: Identity = acme_claim, issued: Issued | None = None, **changed: str
    ) -> tuple[Issued, Registered | RegistrationRefused]:
        (mac_address,) = device.mac_addresses
        parameters = {"SerialNumber": device.serial_number.value, "MacAddress": mac_address.value, **changed}
        client_id = f"{stack.claim_client_id_prefix}{secrets.token_hex(6)}"
        with connected(broker, claim, client_id) as session:
            certificate = issued or session.create_keys_and_certificate()
            answer = session.register_thing(stack.outputs["ProvisioningTemplateName"], certificate, parameters)
        return certificate, answer

    return run
