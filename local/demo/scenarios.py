"""What the demo's devices try: who they say they are, and what has to come of it."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from local.demo.device import Broker, Identity, Issued, Registered, RegistrationRefused, SigningRequest, connected
from local.demo.factory import Device

ALLOWED = "let in"
DENIED = "denied"
CROWD = "one of many at once"
# Its approval names its public key.
WITH_ITS_KEY = Device("ACME-3001", "00:1b:44:44:00:01")


@dataclass(frozen=True, slots=True)
class Fleet:
    """Where the devices are, and what they were flashed with.

    Attributes:
        signing: Of the device whose key is listed; it made the key itself.
    """

    broker: Broker
    template_name: str
    client_id_prefix: str
    acme_claim: Identity
    globex_claim: Identity
    globex_claim_id: str
    devices: dict[str, Device]
    signing: SigningRequest
    wait_until_provisioned: Callable[[str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One device at the gate.

    Attributes:
        story: Who it is.
        presented: What it says it is.
        certificate_id: Of the device certificate it got for asking; finds the audit records.
        saw: What it was told, in a few words.
        expected: What it should have been told.
        reasons: What has to be on record for this certificate, in any order.
        seconds: From first connecting to the last answer.
    """

    story: str
    presented: Device
    certificate_id: str
    saw: str
    expected: str
    reasons: tuple[str, ...]
    seconds: float


def scenarios(world: Fleet) -> Iterator[Callable[[], list[Attempt]]]:
    """The attempts of the demo in their order; each call makes some and returns them."""
    first, second, quarantined, retrying = (world.devices[f"ACME-000{number}"] for number in (1, 2, 3, 4))
    unknown = replace(first, serial_number="ACME-9999")
    clone = replace(second, mac_address="00:1b:44:66:66:66")
    yield lambda: [_enrol_and_live(world, first)]
    yield lambda: [_turned_away(world, "unknown serial number", unknown, "not_on_allow_list")]
    yield lambda: [_turned_away(world, "clone with another MAC", clone, "mac_address_mismatch")]
    yield lambda: [_turned_away(world, "second claim of it", first, "already_provisioned")]
    yield lambda: [_lose_an_answer(world, retrying)]
    yield lambda: [_turned_away(world, "in quarantine", quarantined, "quarantined")]
    yield lambda: [
        _turned_away(world, "other factory's claim", second, "manufacturer_mismatch", claim=world.globex_claim)
    ]
    yield lambda: [_turned_away(world, "stolen claim and label", WITH_ITS_KEY, "key_mismatch")]
    yield lambda: [
        _attempt(
            world, "the same with its listed key", WITH_ITS_KEY, ("first_reservation",), ALLOWED, signing=world.signing
        )
    ]
    yield lambda: _all_at_once(world, [device for name, device in world.devices.items() if name.startswith("ACME-1")])


def _enrol_and_live(world: Fleet, device: Device) -> Attempt:
    def live(issued: Issued, answer: Registered) -> str:
        message = {"temperature": 21.5}
        with connected(world.broker, issued.identity, answer.thing_name) as session:
            heard = session.echo(f"{answer.thing_name}/telemetry", message)
        if heard != message:
            return f"{ALLOWED}, but cannot publish"
        is_known = world.wait_until_provisioned(device.serial_number)
        return f"{ALLOWED}, publishes" if is_known else f"{ALLOWED}, publishes, but the gate did not hear of it"

    return _attempt(world, "approved device", device, ("first_reservation",), f"{ALLOWED}, publishes", then=live)


def _turned_away(world: Fleet, story: str, device: Device, reason: str, *, claim: Identity | None = None) -> Attempt:
    return _attempt(world, story, device, (reason,), DENIED, claim=claim)


def _lose_an_answer(world: Fleet, device: Device) -> Attempt:
    reasons = ("first_reservation", "same_certificate_retry")
    return _attempt(world, "retry after a lost answer", device, reasons, ALLOWED, unheard_first=True)


def _all_at_once(world: Fleet, devices: list[Device]) -> list[Attempt]:
    with ThreadPoolExecutor(len(devices)) as pool:
        return list(pool.map(lambda device: _attempt(world, CROWD, device, ("first_reservation",), ALLOWED), devices))


def _attempt(
    world: Fleet,
    story: str,
    device: Device,
    reasons: tuple[str, ...],
    expected: str,
    *,
    claim: Identity | None = None,
    signing: SigningRequest | None = None,
    unheard_first: bool = False,
    then: Callable[[Issued, Registered], str] | None = None,
) -> Attempt:
    """Do what firmware does on first contact, and note what it saw.

    Args:
        signing: Of the key that it made; None has AWS IoT make the keys.
    """
    started = time.monotonic()
    client_id = f"{world.client_id_prefix}{device.serial_number}"
    parameters = {"SerialNumber": device.serial_number, "MacAddress": device.mac_address}
    with connected(world.broker, claim or world.acme_claim, client_id) as session:
        issued = session.create_certificate_from_csr(signing) if signing else session.create_keys_and_certificate()
        if unheard_first:
            session.register_thing_unheard(world.template_name, issued, parameters)
    with connected(world.broker, claim or world.acme_claim, client_id) as session:
        answer = session.register_thing(world.template_name, issued, parameters)
    if isinstance(answer, RegistrationRefused):
        saw = DENIED if answer.error_code == "AccessDenied" else f"{answer.error_code}: {answer.error_message}"
    else:
        saw = then(issued, answer) if then else ALLOWED
    return Attempt(
        story=story,
        presented=device,
        certificate_id=issued.certificate_id,
        saw=saw,
        expected=expected,
        reasons=reasons,
        seconds=time.monotonic() - started,
    )
