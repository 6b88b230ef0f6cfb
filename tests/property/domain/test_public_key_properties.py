"""Public keys: whatever is presented, the gate reads the key that the library reads, or none."""

import base64
from hashlib import sha256
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import assume, example, given
from hypothesis import strategies as st

from fleetgate.domain.public_key import InvalidPublicKey, certificate_key_fingerprint, parse_public_key
from harness.certificates import issued_certificate, public_fingerprint
from tests.property.gate.strategies import json_values

_DERS = [
    x509.load_pem_x509_certificate(issued_certificate(key).pem.encode()).public_bytes(serialization.Encoding.DER)
    for key in (
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(65537, 2048),
    )
]
# What the library says of a certificate that it does not take.
_REFUSALS = (ValueError, UnsupportedAlgorithm, TypeError)


def pem_of(der: bytes) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{base64.encodebytes(der).decode()}-----END CERTIFICATE-----\n"


@given(presented=st.text() | st.binary() | json_values() | st.binary(min_size=1).map(pem_of))
@example(presented=pem_of(b"\x30"))
@example(presented=pem_of(b"\x30\x82"))
@example(presented=pem_of(b"\x30\x02\x30\x00"))
def test_anything_at_all_has_no_fingerprint_and_raises_nothing(presented: Any) -> None:
    assert certificate_key_fingerprint(presented) is None


@given(text=st.text() | st.binary().map(lambda content: base64.b64encode(content).decode()))
@example(text="\\n")
@example(text="-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----")
def test_any_text_at_all_is_a_key_or_refused(text: str) -> None:
    try:
        fingerprint = parse_public_key(text)
    except InvalidPublicKey:
        return
    assert fingerprint == fingerprint.lower()
    assert fingerprint in text.lower().replace(":", "").replace(" ", "")


@given(data=st.data(), der=st.sampled_from(_DERS))
def test_a_certificate_that_was_tampered_with_has_the_key_that_the_library_reads_or_none(
    data: st.DataObject, der: bytes
) -> None:
    changed = bytearray(der)
    for _ in range(data.draw(st.integers(1, 3), label="changes")):
        at = data.draw(st.integers(0, len(changed) - 1), label="at")
        match data.draw(st.sampled_from(["replace", "insert", "remove"]), label="change"):
            case "replace":
                changed[at] = data.draw(st.integers(0, 255), label="byte")
            case "insert":
                changed.insert(at, data.draw(st.integers(0, 255), label="byte"))
            case _:
                del changed[at]
    assume(changed)
    fingerprint = certificate_key_fingerprint(pem_of(bytes(changed)))
    try:
        read = public_fingerprint(x509.load_der_x509_certificate(bytes(changed)).public_key())
    except _REFUSALS:
        # The library looks at all of a certificate, at the curve and at the modulus; the gate at where the key stands.
        assert fingerprint is None or _stands_in(bytes(changed), fingerprint)
    else:
        assert fingerprint in (None, read)


def _stands_in(der: bytes, fingerprint: str) -> bool:
    """Whether an element of the certificate has the fingerprint."""
    beginnings = [at for at, byte in enumerate(der) if byte == 0x30]
    return any(
        sha256(der[start:end]).hexdigest() == fingerprint
        for start in beginnings
        for end in range(start + 90, min(start + 640, len(der)) + 1)
    )
