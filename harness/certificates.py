"""Device certificates with keys of their own, as AWS IoT hands them to the hook."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.x509.oid import NameOID

_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "AWS IoT Certificate")])
_FROM = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedCertificate:
    """A certificate as the hook is told of it."""

    certificate_id: str
    pem: str
    key_fingerprint: str


def issued_certificate(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None) -> IssuedCertificate:
    """A new certificate, of a new key unless one is given. AWS IoT's certificate ID is the SHA-256 of its DER form."""
    own = key or ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_NAME)
        .issuer_name(_NAME)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FROM)
        .not_valid_after(_FROM + timedelta(days=365 * 20))
        .sign(_issuer(), hashes.SHA256())
    )
    return IssuedCertificate(
        certificate_id=hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest(),
        pem=certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key_fingerprint=fingerprint_of(own),
    )


def fingerprint_of(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    """The fingerprint of a key's public half, by a library instead of the product's own reading."""
    return public_fingerprint(key.public_key())


def fingerprint_of_certificate(pem: str) -> str:
    """The fingerprint of a certificate's public key, by the library too."""
    return public_fingerprint(x509.load_pem_x509_certificate(pem.encode()).public_key())


def public_fingerprint(key: PublicKeyTypes) -> str:
    """SHA-256 over the DER SubjectPublicKeyInfo."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


@cache
def _issuer() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())
