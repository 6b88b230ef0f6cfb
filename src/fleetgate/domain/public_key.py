"""Public key fingerprints: SHA-256 over the DER SubjectPublicKeyInfo, as 64 lower-case hexadecimal digits.

A few lines of DER instead of a library: the hook's cold start has no time for one, and all that is needed is where the
key stands. It reads one encoding of each key and no other, since two encodings of one key would be two keys. Source:
RFC 5280, section 4.1 (certificates); RFC 2986, section 4.1 (certificate signing requests); RFC 7468 (PEM); ITU-T X.690,
sections 8.1 and 10.1 (lengths).
"""

import binascii
import hashlib
import re
from typing import Any

# An RSA certificate of 4096 bits has some 2,000 characters.
_LONGEST_TEXT = 16_384
_SEQUENCE, _INTEGER, _BIT_STRING, _VERSION = 0x30, 0x02, 0x03, 0xA0
_PEM = re.compile(r"\s*-----BEGIN ([A-Z ]+)-----(.*)-----END \1-----\s*", re.DOTALL)
_HEXADECIMAL = re.compile(r"(?:sha-?256[:=\s]\s*)?((?:[0-9a-f]{2}[: ]?){31}[0-9a-f]{2})", re.IGNORECASE)
# Fields that stand before the key: of a certificate serialNumber, signature, issuer, validity and subject, behind a
# version that may be left out; of a signing request version and subject.
_BEFORE_THE_KEY = {"CERTIFICATE": 5, "CERTIFICATE REQUEST": 2, "NEW CERTIFICATE REQUEST": 2}


# The algorithms that AWS IoT takes. AWS IoT API reference, "CreateCertificateFromCsr"; RFC 3279, section 2.3.1;
# RFC 5480, section 2.
_RSA = bytes.fromhex("300d06092a864886f70d0101010500")
# How many bytes a point has: one that says that both coordinates follow, and these.
_POINTS = {
    bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107"): 1 + 2 * 32,  # P-256
    bytes.fromhex("301006072a8648ce3d020106052b81040022"): 1 + 2 * 48,  # P-384
    bytes.fromhex("301006072a8648ce3d020106052b81040023"): 1 + 2 * 66,  # P-521
}
_BOTH_COORDINATES = 0x04


class InvalidPublicKey(ValueError):
    """A text that names no public key; the message says what would."""


def certificate_key_fingerprint(presented_pem: Any) -> str | None:
    """The public key fingerprint of a certificate.

    Args:
        presented_pem: One certificate as PEM; whatever else it is has no fingerprint.
    """
    if not isinstance(presented_pem, str) or len(presented_pem) > _LONGEST_TEXT:
        return None
    found = _PEM.fullmatch(presented_pem)
    if found is None or found[1] != "CERTIFICATE":
        return None
    try:
        return _fingerprint(_key_in(_der(found[2]), _BEFORE_THE_KEY["CERTIFICATE"]))
    except (ValueError, IndexError):
        return None


def parse_public_key(text: str) -> str:
    """The fingerprint of the public key that a list or an operator names.

    Accepted: a public key, a certificate signing request or a certificate, each as PEM or as the Base64 of its DER
    encoding; or the fingerprint itself, with or without colons.

    Raises:
        InvalidPublicKey: It is something else.
    """
    if len(text) <= _LONGEST_TEXT:
        if digits := _HEXADECIMAL.fullmatch(text.strip()):
            return re.sub(r"[: ]", "", digits[1]).lower()
        # A cell has no lines: what stands for their ends is dropped.
        found = _PEM.fullmatch(text.replace("\\n", "\n").replace("\\r", ""))
        try:
            if found is not None:
                return _of_kind(found[1], _der(found[2]))
            return _of_any_kind(_der(text))
        except (ValueError, IndexError):
            pass
    raise InvalidPublicKey(
        "a public key is PEM or the Base64 of DER (the key itself, a certificate signing request or a certificate), or "
        "its SHA-256 fingerprint of 64 hexadecimal digits"
    )


def _of_kind(label: str, der: bytes) -> str:
    if label == "PUBLIC KEY":
        return _fingerprint(_public_key_info(der))
    return _fingerprint(_key_in(der, _BEFORE_THE_KEY[label])) if label in _BEFORE_THE_KEY else _refuse()


def _of_any_kind(der: bytes) -> str:
    for read in (
        _public_key_info,
        lambda whole: _key_in(whole, _BEFORE_THE_KEY["CERTIFICATE REQUEST"]),
        lambda whole: _key_in(whole, _BEFORE_THE_KEY["CERTIFICATE"]),
    ):
        try:
            return _fingerprint(read(der))
        except (ValueError, IndexError):
            continue
    return _refuse()


def _refuse() -> str:
    raise ValueError("none of the kinds")


def _der(base64: str) -> bytes:
    return binascii.a2b_base64("".join(base64.split()), strict_mode=True)


def _fingerprint(public_key_info: bytes) -> str:
    return hashlib.sha256(public_key_info).hexdigest()


def _key_in(der: bytes, fields_before: int) -> bytes:
    """The SubjectPublicKeyInfo of a certificate or a signing request: the first part of the outer sequence has it."""
    start, end = _content(der, 0, len(der), _SEQUENCE)
    if end != len(der):
        raise ValueError("bytes behind the end")
    start, end = _content(der, start, end, _SEQUENCE)
    if der[start] == _VERSION:
        start = _content(der, start, end)[1]
    for _ in range(fields_before):
        start = _content(der, start, end)[1]
    return _public_key_info(der[start : _content(der, start, end, _SEQUENCE)[1]])


def _public_key_info(der: bytes) -> bytes:
    """The same, if it is `SEQUENCE { algorithm SEQUENCE, key BIT STRING }` of a known algorithm."""
    start, end = _content(der, 0, len(der), _SEQUENCE)
    behind_algorithm = _content(der, start, end, _SEQUENCE)[1]
    algorithm = der[start:behind_algorithm]
    start, behind_key = _content(der, behind_algorithm, end, _BIT_STRING)
    if not behind_key == end == len(der):
        raise ValueError("bytes behind the key")
    unused_bits, key = der[start], der[start + 1 : behind_key]
    is_known = _is_rsa(key) if algorithm == _RSA else _is_point(key, _POINTS.get(algorithm))
    if unused_bits or not is_known:
        raise ValueError("another algorithm, or another encoding")
    return der


def _is_point(key: bytes, size: int | None) -> bool:
    return len(key) == size and key[0] == _BOTH_COORDINATES


def _is_rsa(key: bytes) -> bool:
    """Whether it is a modulus and an exponent, each positive and as short as can be, and nothing else."""
    at, end = _content(key, 0, len(key), _SEQUENCE)
    if end != len(key):
        return False
    for _ in range(2):
        start, at = _content(key, at, end, _INTEGER)
        number = key[start:at]
        if not number or number[0] >= 0x80 or (number[0] == 0 and number[1:2] < b"\x80"):
            return False
    return at == end


def _content(der: bytes, at: int, limit: int, tag: int | None = None) -> tuple[int, int]:
    """Where the content of the element at a position starts and ends."""
    if tag is not None and der[at] != tag:
        raise ValueError("another element is expected")
    length, start = der[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        if not 1 <= size <= 3:  # DER has no indefinite length, and no certificate is longer than 3 bytes tell
            raise ValueError("the length cannot be")
        length, start = int.from_bytes(der[start : start + size], "big"), start + size
        if length < (0x80 if size == 1 else 1 << 8 * (size - 1)):
            raise ValueError("the length has a shorter form")
    if start + length > limit:
        raise ValueError("the element is longer than what holds it")
    return start, start + length
