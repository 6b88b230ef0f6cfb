"""A device as the AWS IoT Device SDK makes one: MQTT with mutual TLS, Fleet Provisioning, then a life of its own."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from awscrt import mqtt
from awscrt.mqtt_request_response import ClientOptions
from awsiot import V2ServiceException, mqtt_connection_builder
from awsiot.iotidentity import (
    CreateCertificateFromCsrRequest,
    CreateKeysAndCertificateRequest,
    IotIdentityClientV2,
    RegisterThingRequest,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tenacity import retry, retry_if_result, stop_after_delay, wait_random_exponential

_SECONDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where devices connect, and the authority they trust."""

    host: str
    port: int
    root_ca_path: Path


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Identity:
    """A certificate with its private key, PEM."""

    certificate_pem: str
    private_key_pem: str

    @classmethod
    def read(cls, certificate_path: Path, private_key_path: Path) -> "Identity":
        """Read an identity from two PEM files."""
        return cls(certificate_pem=certificate_path.read_text(), private_key_pem=private_key_path.read_text())


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SigningRequest:
    """A certificate signing request with the private key that made it, PEM."""

    csr_pem: str
    private_key_pem: str

    @classmethod
    def of_a_new_key(cls) -> "SigningRequest":
        """Make a key, as a device does once."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "device")])
        request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
        encoding, no_encryption = serialization.Encoding.PEM, serialization.NoEncryption()
        private_key = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, no_encryption)
        return cls(csr_pem=request.public_bytes(encoding).decode(), private_key_pem=private_key.decode())


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Issued:
    """A device certificate that AWS IoT made and that is not active yet."""

    certificate_id: str
    identity: Identity
    ownership_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What a device is told when it was let in."""

    thing_name: str
    device_configuration: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationRefused:
    """What a device is told when it was not: AWS IoT's error code and message."""

    error_code: str
    error_message: str

    @property
    def is_passing(self) -> bool:
        """Whether nobody has judged the device yet: the hook was throttled or did not come to an answer."""
        return self.error_code == "InvocationError"


class Session:
    """One MQTT connection.

    Attributes:
        interrupted: Done when the broker ended the connection; the SDK then tries to connect again by itself.
    """

    def __init__(self, connection: Any, interrupted: "Future[None]") -> None:
        self._connection = connection
        self.interrupted = interrupted
        self._provisioning = IotIdentityClientV2(
            connection,
            ClientOptions(
                max_request_response_subscriptions=4,
                max_streaming_subscriptions=1,
                operation_timeout_in_seconds=_SECONDS,
            ),
        )

    def create_keys_and_certificate(self) -> Issued:
        """Ask AWS IoT for keys and a certificate (CreateKeysAndCertificate)."""
        answer = self._provisioning.create_keys_and_certificate(CreateKeysAndCertificateRequest()).result(_SECONDS)
        return Issued(
            certificate_id=answer.certificate_id,
            identity=Identity(certificate_pem=answer.certificate_pem, private_key_pem=answer.private_key),
            ownership_token=answer.certificate_ownership_token,
        )

    def create_certificate_from_csr(self, signing: "SigningRequest") -> Issued:
        """Ask AWS IoT for a certificate of a key that the device made (CreateCertificateFromCsr)."""
        request = CreateCertificateFromCsrRequest(certificate_signing_request=signing.csr_pem)
        answer = self._provisioning.create_certificate_from_csr(request).result(_SECONDS)
        return Issued(
            certificate_id=answer.certificate_id,
            identity=Identity(certificate_pem=answer.certificate_pem, private_key_pem=signing.private_key_pem),
            ownership_token=answer.certificate_ownership_token,
        )

    @retry(
        retry=retry_if_result(lambda answer: isinstance(answer, RegistrationRefused) and answer.is_passing),
        wait=wait_random_exponential(multiplier=0.2, max=2),
        stop=stop_after_delay(_SECONDS),
        retry_error_callback=lambda state: state.outcome and state.outcome.result(),
    )
    def register_thing(
        self, template_name: str, issued: Issued, parameters: Mapping[str, str]
    ) -> Registered | RegistrationRefused:
        """Ask to become a thing (RegisterThing), again after a while where the hook could not be run."""
        request = RegisterThingRequest(
            template_name=template_name,
            certificate_ownership_token=issued.ownership_token,
            parameters=dict(parameters),
        )
        try:
            answer = self._provisioning.register_thing(request).result(_SECONDS)
        except V2ServiceException as refused:
            error = refused.modeled_error
            if error is None:
                raise
            return RegistrationRefused(error_code=str(error.error_code), error_message=str(error.error_message))
        return Registered(thing_name=answer.thing_name, device_configuration=dict(answer.device_configuration or {}))

    def register_thing_unheard(self, template_name: str, issued: Issued, parameters: Mapping[str, str]) -> None:
        """Ask to become a thing, and be gone before the answer comes."""
        topic = f"$aws/provisioning-templates/{template_name}/provision/json"
        payload = {"certificateOwnershipToken": issued.ownership_token, "parameters": dict(parameters)}
        self.publish(topic, payload)

    def publish(self, topic: str, payload: Mapping[str, Any]) -> None:
        """Publish a JSON message and wait until the broker took it."""
        published, _ = self._connection.publish(topic, json.dumps(payload), mqtt.QoS.AT_LEAST_ONCE)
        published.result(_SECONDS)

    def echo(self, topic: str, payload: Mapping[str, Any]) -> Any:
        """Publish a JSON message to a topic this device hears itself, and return what came back."""
        heard: Future[bytes] = Future()

        def hear(*, payload: bytes, **_: Any) -> None:
            if not heard.done():
                heard.set_result(payload)

        subscribed, _ = self._connection.subscribe(topic, mqtt.QoS.AT_LEAST_ONCE, hear)
        subscribed.result(_SECONDS)
        self.publish(topic, payload)
        return json.loads(heard.result(_SECONDS))


@contextmanager
def connected(broker: Broker, identity: Identity, client_id: str) -> Iterator[Session]:
    """Connect with mutual TLS for as long as the context lasts.

    Raises:
        awscrt.exceptions.AwsCrtError: The broker refused the certificate or the client ID, or is not there.
    """
    interrupted: Future[None] = Future()

    def interrupt(**_: Any) -> None:
        if not interrupted.done():
            interrupted.set_result(None)

    connection = mqtt_connection_builder.mtls_from_bytes(
        identity.certificate_pem.encode(),
        identity.private_key_pem.encode(),
        endpoint=broker.host,
        port=broker.port,
        ca_filepath=str(broker.root_ca_path),
        client_id=client_id,
        clean_session=True,
        keep_alive_secs=30,
        ping_timeout_ms=5000,
        on_connection_interrupted=interrupt,
    )
    connection.connect().result(_SECONDS)
    try:
        yield Session(connection, interrupted)
    finally:
        connection.disconnect().result(_SECONDS)
