"""The public key fingerprint of a certificate, as the hook computes it, against the least that it takes."""

import binascii
import hashlib
from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from benchmarks.figures import Amount, CouldNotMeasure, Ratio
from benchmarks.interleave import Repetition, interleaved
from fleetgate.domain.public_key import certificate_key_fingerprint
from harness.certificates import IssuedCertificate, issued_certificate

_MAX_MICROSECONDS = 50
_ROUNDS = 40
_REPETITIONS = 500


def fingerprint_figures() -> Iterator[Amount | Ratio]:
    """Of RSA 2048, which AWS IoT makes with CreateKeysAndCertificate, and of P-256, which devices make."""
    yield from _figures("RSA 2048", issued_certificate(rsa.generate_private_key(65537, 2048)))
    yield from _figures("P-256", issued_certificate(ec.generate_private_key(ec.SECP256R1())))


def _figures(name: str, certificate: IssuedCertificate) -> Iterator[Amount | Ratio]:
    def fingerprint() -> None:
        if certificate_key_fingerprint(certificate.pem) != certificate.key_fingerprint:
            raise CouldNotMeasure(f"the fingerprint of a certificate of {name} is not the library's")

    def bare() -> None:
        """The bytes of the certificate, hashed: nothing is looked for in them."""
        body = certificate.pem.partition("-----\n")[2].rpartition("\n-----END")[0]
        if hashlib.sha256(binascii.a2b_base64(body)).hexdigest() != certificate.certificate_id:
            raise CouldNotMeasure(f"the hash of a certificate of {name} is not its ID")

    def ours(wanted: int) -> list[Repetition]:
        return [fingerprint] * wanted

    def floor(wanted: int) -> list[Repetition]:
        return [bare] * wanted

    measured, floors = interleaved(ours, floor, rounds=_ROUNDS, repetitions=_REPETITIONS)
    ratio = Ratio.of(f"fingerprint, {name}", "processor time", measured.cpu, floors.cpu)
    yield Amount(
        name=f"fingerprint, {name}",
        what="processor time of a certificate",
        amount=round(ratio.measured_seconds * 1_000_000, 1),
        unit="µs",
        most=_MAX_MICROSECONDS,
    )
    yield ratio
