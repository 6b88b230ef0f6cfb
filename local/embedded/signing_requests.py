"""Teaches ministack the MQTT API CreateCertificateFromCsr.

ministack 1.5.33 answers CreateKeysAndCertificate over MQTT, and CreateCertificateFromCsr over HTTPS only. With this a
claim certificate's session may send a certificate signing request, and is given a certificate of its key that is not
active yet with an ownership token, as AWS IoT has it (developer guide, "Device provisioning MQTT API"). Run by the
interpreter of the embedded AWS, before ministack starts.
"""

import json
import secrets
import time
from typing import Any

TOPIC = "$aws/certificates/create-from-csr/json"
_OPERATION = "create-from-csr"

# What this module stands around, by the SHA-256 of its source.
KNOWN = {
    "ministack.services.iot": {
        "_parse_fleet_provisioning_topic": "fa279ad6a05c2e4893708b7d2d1ebb82e35edd6ca4afdc41200a99cf2638d6b9",
        "_fleet_provisioning_reply": "5cea087b336b179f9e0a283c1de91032284bc00cb766a759b250457fade7b3b6",
        "_fleet_create_keys_and_certificate": "eeba172b1700ee939c925bd0fac89b6e512a81a28688b0e6bdef3ff8459f2953",
        "_create_certificate_from_csr": "528a250851a570f0068a9c732facca74f7b73e9f295f88c910efe508b35a52f9",
    },
}


def install(iot: Any) -> None:
    """Make ministack take signing requests over MQTT.

    Args:
        iot: The module `ministack.services.iot`.
    """
    parse, reply = iot._parse_fleet_provisioning_topic, iot._fleet_provisioning_reply

    def parsed(topic: str) -> tuple[str, str | None] | None:
        found: tuple[str, str | None] | None = (_OPERATION, None) if topic == TOPIC else parse(topic)
        return found

    async def replied(account_id: str, region: str, operation: str, *rest: Any) -> Any:
        if operation != _OPERATION:
            return await reply(account_id, region, operation, *rest)
        _template_name, payload, _connection = rest
        return _certificate_from_csr(iot, account_id, region, payload)

    iot._parse_fleet_provisioning_topic, iot._fleet_provisioning_reply = parsed, replied


def _certificate_from_csr(iot: Any, account_id: str, region: str, payload: bytes) -> tuple[str, dict[str, Any]]:
    try:
        request = json.loads(payload)["certificateSigningRequest"]
        ca_certificate, ca_key = iot._ensure_ca()
        pem = iot.sign_certificate_request(ca_certificate, ca_key, request)
    except (ValueError, KeyError, TypeError):
        rejected: tuple[str, dict[str, Any]] = iot._fleet_rejected("InvalidCertificateSigningRequest", "invalid CSR")
        return rejected
    certificate_id, token = iot.get_certificate_id(pem), secrets.token_urlsafe(48)
    with iot.request_scope(account_id, region):
        iot._certificates[certificate_id] = iot._certificate_record(certificate_id, pem, "PENDING_ACTIVATION")
        iot._drop_expired(iot._ownership_tokens)
        iot._ownership_tokens[token] = {
            "certificateId": certificate_id,
            "expiration": time.time() + iot._OWNERSHIP_TOKEN_SECONDS,
        }
    return "accepted", {
        "certificateId": certificate_id,
        "certificatePem": pem,
        "certificateOwnershipToken": token,
    }
