"""Whom the gate is asked about, to see whether its audit trail is complete."""

from collections import deque
from random import Random
from typing import Any

from harness.certificates import issued_certificate
from harness.gate_world import GateWorld

_LIKELIHOODS = {"new": 30, "again": 25, "race": 10, "unknown": 20, "other_mac": 10, "unreadable": 5}
_CONTENDERS = 3
# How many of the last devices may ask again.
_REMEMBERED = 200


def requests(world: GateWorld, random: Random, number: int) -> deque[dict[str, Any]]:
    """Hook events, those that race for a serial number one after the other; as many as wanted or a few more."""
    events: deque[dict[str, Any]] = deque()
    known: deque[dict[str, Any]] = deque([world.approved_device()], maxlen=_REMEMBERED)
    while len(events) < number:
        (kind,) = random.choices([*_LIKELIHOODS], [*_LIKELIHOODS.values()])
        match kind:
            case "new":
                known.append(world.approved_device())
                events.append(known[-1])
            case "again":
                events.append(random.choice(known))
            case "race":
                contested = world.approved_device()
                for _ in range(_CONTENDERS):
                    other = issued_certificate()
                    events.append({**contested, "certificateId": other.certificate_id, "certificatePem": other.pem})
            case "unknown":
                events.append(world.unknown_device())
            case "other_mac":
                event = world.approved_device()
                events.append({**event, "parameters": {**event["parameters"], "MacAddress": "00:1b:44:00:00:01"}})
            case "unreadable":
                events.append({**world.unknown_device(), "parameters": {}})
    return events
