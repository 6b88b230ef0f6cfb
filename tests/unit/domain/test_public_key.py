"""Public key fingerprints: what the product reads by itself, held against a library."""

import base64
import hashlib
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from fleetgate.domain.public_key import InvalidPublicKey, certificate_key_fingerprint, parse_public_key
from harness.builders import NOW
from harness.certificates import public_fingerprint

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

# What AWS IoT takes; AWS IoT Core developer guide, "X.509 client certificates".
KINDS: dict[str, Callable[[], Key]] = {
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "RSA 2048": lambda: rsa.generate_private_key(65537, 2048),
    "RSA 4096": lambda: rsa.generate_private_key(65537, 4096),
}
each_kind = pytest.mark.parametrize("kind", KINDS)


@cache
def key_of(kind: str) -> Key:
    return KINDS[kind]()


def name(text: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, text), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Acme")]
    )


@cache
def certificate(kind: str, *, extended: bool = False, subject: str = "AWS IoT Certificate") -> x509.Certificate:
    key = key_of(kind)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name("Amazon Web Services"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=365))
    )
    if extended:
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return builder.sign(key_of("P-256"), hashes.SHA256())


@cache
def signing_request(kind: str) -> x509.CertificateSigningRequest:
    return x509.CertificateSigningRequestBuilder().subject_name(name("AC-1")).sign(key_of(kind), hashes.SHA256())


@cache
def public_key_info(kind: str, form: Encoding) -> bytes:
    return key_of(kind).public_key().public_bytes(form, PublicFormat.SubjectPublicKeyInfo)


@cache
def expected(kind: str) -> str:
    return public_fingerprint(key_of(kind).public_key())


def pem_of(kind: str) -> str:
    return certificate(kind).public_bytes(Encoding.PEM).decode()


def wrapped(label: str, der: bytes) -> str:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(der).decode()}-----END {label}-----\n"


def element(tag: int, content: bytes) -> bytes:
    """An element in DER. ITU-T X.690, section 8.1."""
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    size = (len(content).bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + len(content).to_bytes(size, "big") + content


# ---- Certificates ------------------------------------------------------------------------------------------------


@each_kind
@pytest.mark.parametrize("extended", [False, True])
def test_a_certificate_has_the_fingerprint_that_the_library_gives(kind: str, extended: bool) -> None:
    pem = certificate(kind, extended=extended).public_bytes(Encoding.PEM).decode()
    assert certificate_key_fingerprint(pem) == expected(kind)


@each_kind
def test_a_certificate_of_version_1_leaves_its_version_out(kind: str) -> None:
    algorithm = element(0x30, bytes.fromhex("06082a8648ce3d040302"))
    validity = element(0x30, element(0x17, b"260101000000Z") + element(0x17, b"270101000000Z"))
    names = name("old").public_bytes()
    fields = [element(0x02, b"\x01"), algorithm, names, validity, names, public_key_info(kind, Encoding.DER)]
    der = element(0x30, element(0x30, b"".join(fields)) + algorithm + element(0x03, b"\x00\x01"))
    assert x509.load_der_x509_certificate(der).version is x509.Version.v1
    assert certificate_key_fingerprint(wrapped("CERTIFICATE", der)) == expected(kind)


def test_a_long_subject_does_not_hide_the_key() -> None:
    long = certificate("P-256", subject="x" * 64)
    assert certificate_key_fingerprint(long.public_bytes(Encoding.PEM).decode()) == expected("P-256")


@pytest.mark.parametrize("spell", [str.strip, lambda pem: pem.replace("\n", "\r\n"), lambda pem: f"\n {pem}\n\n"])
def test_white_space_around_lines_makes_no_difference(spell: Callable[[str], str]) -> None:
    assert certificate_key_fingerprint(spell(pem_of("P-256"))) == expected("P-256")


@pytest.mark.parametrize(
    "presented",
    [
        pytest.param(None, id="nothing"),
        pytest.param("", id="an empty text"),
        pytest.param(5, id="a number"),
        pytest.param([pem_of("P-256")], id="a list"),
        pytest.param(pem_of("P-256").encode(), id="bytes"),
        pytest.param("-----BEGIN CERTIFICATE-----", id="a beginning"),
        pytest.param("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", id="an empty certificate"),
        pytest.param(pem_of("P-256") * 2, id="two certificates"),
        pytest.param("x" + pem_of("P-256"), id="a text before it"),
        pytest.param(pem_of("P-256").replace("CERTIFICATE", "PUBLIC KEY"), id="another label"),
        pytest.param(public_key_info("P-256", Encoding.PEM).decode(), id="a public key"),
        pytest.param(signing_request("P-256").public_bytes(Encoding.PEM).decode(), id="a signing request"),
        pytest.param(pem_of("P-256").replace("M", "\N{CYRILLIC CAPITAL LETTER EM}"), id="another alphabet"),
        pytest.param(pem_of("P-256") + "\n" * 20_000, id="an oversize text"),
        pytest.param(wrapped("CERTIFICATE", b"\x30\x80\x30\x80" + bytes(40)), id="an indefinite length"),
        pytest.param(wrapped("CERTIFICATE", b"\x30\x84\xff\xff\xff\xff"), id="a length of four bytes"),
        pytest.param(wrapped("CERTIFICATE", b"0" * 500), id="sequences only"),
    ],
)
def test_what_is_no_certificate_has_no_fingerprint(presented: Any) -> None:
    assert certificate_key_fingerprint(presented) is None


def test_bytes_behind_the_certificate_leave_it_without_a_fingerprint() -> None:
    der = certificate("P-256").public_bytes(Encoding.DER)
    assert certificate_key_fingerprint(wrapped("CERTIFICATE", der + b"\x00")) is None
    assert certificate_key_fingerprint(wrapped("CERTIFICATE", der[:-1])) is None


def test_one_key_has_one_fingerprint_in_each_encoding_that_is_read() -> None:
    """A point may be written in short; read that way, one key would be two."""
    public = key_of("P-256").public_key()
    short = public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    info = public_key_info("P-256", Encoding.DER)
    long = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    algorithm = info[2 : -len(long) - 3]
    assert element(0x30, algorithm + element(0x03, b"\x00" + long)) == info
    with pytest.raises(InvalidPublicKey):
        parse_public_key(base64.b64encode(element(0x30, algorithm + element(0x03, b"\x00" + short))).decode())


# ---- What a list or an operator names ------------------------------------------------------------------------------


@each_kind
@pytest.mark.parametrize(
    "text_of",
    [
        pytest.param(lambda kind: public_key_info(kind, Encoding.PEM), id="a public key as PEM"),
        pytest.param(lambda kind: base64.b64encode(public_key_info(kind, Encoding.DER)), id="a public key in Base64"),
        pytest.param(lambda kind: base64.encodebytes(public_key_info(kind, Encoding.DER)), id="a public key in lines"),
        pytest.param(lambda kind: signing_request(kind).public_bytes(Encoding.PEM), id="a signing request as PEM"),
        pytest.param(
            lambda kind: signing_request(kind).public_bytes(Encoding.PEM).replace(b"CERTIFICATE", b"NEW CERTIFICATE"),
            id="a signing request of older tools",
        ),
        pytest.param(
            lambda kind: base64.b64encode(signing_request(kind).public_bytes(Encoding.DER)),
            id="a signing request in Base64",
        ),
        pytest.param(lambda kind: certificate(kind).public_bytes(Encoding.PEM), id="a certificate as PEM"),
        pytest.param(
            lambda kind: base64.b64encode(certificate(kind, extended=True).public_bytes(Encoding.DER)),
            id="a certificate in Base64",
        ),
        pytest.param(
            lambda kind: public_key_info(kind, Encoding.PEM).replace(b"\n", b"\\n"), id="a cell with written line ends"
        ),
        pytest.param(lambda kind: public_key_info(kind, Encoding.PEM).replace(b"\n", b" "), id="a cell of one line"),
        pytest.param(lambda kind: expected(kind).encode(), id="the fingerprint"),
        pytest.param(lambda kind: expected(kind).upper().encode(), id="the fingerprint in upper case"),
        pytest.param(lambda kind: bytes.fromhex(expected(kind)).hex(":").encode(), id="the fingerprint with colons"),
        pytest.param(
            lambda kind: f"SHA256:{bytes.fromhex(expected(kind)).hex(':').upper()}".encode(),
            id="the fingerprint with its algorithm",
        ),
    ],
)
def test_every_spelling_of_a_key_is_its_fingerprint(kind: str, text_of: Callable[[str], bytes]) -> None:
    assert parse_public_key(text_of(kind).decode()) == expected(kind)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("AC-1", id="a serial number"),
        pytest.param("ab" * 31, id="a digit pair too few"),
        pytest.param("ab" * 20, id="a SHA-1 fingerprint"),
        pytest.param("ab" * 33, id="a digit pair too many"),
        pytest.param("xy" * 32, id="other digits"),
        pytest.param("SHA1:" + "ab" * 32, id="another algorithm"),
        pytest.param("A" * 16_388, id="an oversize text"),
        pytest.param(
            key_of("P-256").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
            id="a private key",
        ),
        pytest.param(
            base64.b64encode(key_of("P-256").private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())).decode(),
            id="a private key in Base64",
        ),
        pytest.param(public_key_info("P-256", Encoding.PEM).decode().replace("PUBLIC", "RSA PUBLIC"), id="PKCS 1"),
        pytest.param(public_key_info("P-256", Encoding.PEM).decode() * 2, id="two keys"),
        pytest.param(
            ed25519.Ed25519PrivateKey.generate()
            .public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            .decode(),
            id="a kind that AWS IoT does not take",
        ),
    ],
)
def test_a_text_that_names_no_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidPublicKey) as raised:
        parse_public_key(text)
    assert str(raised.value).startswith("a public key is")


def test_a_fingerprint_is_over_the_public_key_info_and_not_over_the_certificate() -> None:
    whole = certificate("P-256").public_bytes(Encoding.DER)
    assert certificate_key_fingerprint(pem_of("P-256")) != hashlib.sha256(whole).hexdigest()
