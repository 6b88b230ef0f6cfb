"""Checks the signatures of the audit's digests, with public keys and without AWS."""

import base64
import binascii
from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

from fleetgate.archive.digest import sha256_of


class NotAPublicKey(ValueError):
    """The bytes are not a public key of an elliptic curve; the message says why."""


class TrustedKeys:
    """The public keys whose signatures count, by the SHA-256 of their DER encoding."""

    def __init__(self, encoded: Iterable[bytes]) -> None:
        """Take public keys, each DER or PEM.

        Raises:
            NotAPublicKey: One of them is not a public key.
        """
        keys = [_load(one) for one in encoded]
        self._keys = {sha256_of(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)): key for key in keys}

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """The fingerprints of the keys, sorted."""
        return tuple(sorted(self._keys))

    def verify(self, content: bytes, signature: str, fingerprint: str) -> bool | None:
        """Whether a signature (base64) of some content is one of a key; None if that key is not trusted."""
        key = self._keys.get(fingerprint)
        if key is None:
            return None
        try:
            key.verify(base64.b64decode(signature, validate=True), content, ECDSA(SHA256()))
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


def _load(encoded: bytes) -> EllipticCurvePublicKey:
    load = load_pem_public_key if encoded.lstrip().startswith(b"-----BEGIN") else load_der_public_key
    try:
        key = load(encoded)
    except ValueError as error:
        raise NotAPublicKey("not a public key in PEM or DER") from error
    if not isinstance(key, EllipticCurvePublicKey):
        raise NotAPublicKey("not a public key of an elliptic curve")
    return key
