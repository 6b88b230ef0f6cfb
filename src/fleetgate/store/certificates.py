"""Device certificates in AWS IoT: whether they are active, switching them off and on, and ending live sessions."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.public_key import certificate_key_fingerprint

# AWS IoT API reference, UpdateCertificate, and IAM's own codes.
_THROTTLED = frozenset({"LimitExceededException", "ThrottlingException", "TooManyRequestsException"})
_DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredTokenException",
        "ForbiddenException",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnauthorizedException",
        "UnrecognizedClientException",
    }
)


class CertificateStatus(StrEnum):
    """What AWS IoT says of a certificate. Source: AWS IoT API reference, CertificateDescription."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    REVOKED = "REVOKED"
    PENDING_TRANSFER = "PENDING_TRANSFER"
    PENDING_ACTIVATION = "PENDING_ACTIVATION"
    REGISTER_INACTIVE = "REGISTER_INACTIVE"


class Obstacle(StrEnum):
    """Why AWS IoT did not do what it was asked."""

    NOT_FOUND = "not_found"
    NOT_PERMITTED = "not_permitted"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"


class CertificateOutOfReach(Exception):
    """AWS IoT did not do what it was asked about one certificate; the cause is chained."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(obstacle.value)
        self.obstacle = obstacle


@dataclass(frozen=True, slots=True)
class DescribedCertificate:
    """What AWS IoT says of one certificate.

    Attributes:
        key_fingerprint: Of its public key; None where the certificate cannot be read.
    """

    status: CertificateStatus
    key_fingerprint: str | None


class Certificates:
    """The certificates of one account and region. Every method raises CertificateOutOfReach.

    Args:
        client: A botocore or boto3 client of AWS IoT.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def status(self, certificate_id: str) -> CertificateStatus:
        """Whether a certificate is active, or what else it is."""
        return self.describe(certificate_id).status

    def describe(self, certificate_id: str) -> DescribedCertificate:
        """Whether a certificate is active, and whose key it is."""
        with _translated():
            found = self._client.describe_certificate(certificateId=certificate_id)["certificateDescription"]
        return DescribedCertificate(
            CertificateStatus(found["status"]), certificate_key_fingerprint(found.get("certificatePem"))
        )

    def deactivate(self, certificate_id: str) -> None:
        """Have AWS IoT refuse a certificate. A live session ends within minutes, or at once by `Sessions.end`."""
        self._update(certificate_id, CertificateStatus.INACTIVE)

    def activate(self, certificate_id: str) -> None:
        """Have AWS IoT accept a certificate again."""
        self._update(certificate_id, CertificateStatus.ACTIVE)

    def _update(self, certificate_id: str, status: CertificateStatus) -> None:
        with _translated():
            self._client.update_certificate(certificateId=certificate_id, newStatus=status.value)


class SessionResult(StrEnum):
    """How it ended that a live session was to end."""

    ENDED = "ended"
    NOT_CONNECTED = "not_connected"
    NOT_ENDED = "not_ended"


class Sessions:
    """The live MQTT sessions of devices.

    Args:
        client: A botocore or boto3 client of the AWS IoT data plane.
        thing_name_prefix: Stands before the serial number in thing names; a device's client ID is its thing name.

    Source: AWS IoT API reference, DeleteConnection.
    """

    def __init__(self, client: Any, thing_name_prefix: str) -> None:
        self._client = client
        self._thing_name_prefix = thing_name_prefix

    def end(self, serial_number: SerialNumber) -> SessionResult:
        """End the session of a device. Whoever was connected connects again, unless its certificate is inactive."""
        try:
            with _translated():
                self._client.delete_connection(clientId=self._thing_name_prefix + serial_number.value)
        except CertificateOutOfReach as error:
            return SessionResult.NOT_CONNECTED if error.obstacle is Obstacle.NOT_FOUND else SessionResult.NOT_ENDED
        return SessionResult.ENDED


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise CertificateOutOfReach(_obstacle(str(error.response.get("Error", {}).get("Code")))) from error
    except NoCredentialsError as error:
        raise CertificateOutOfReach(Obstacle.NOT_PERMITTED) from error
    except BotoCoreError as error:
        raise CertificateOutOfReach(Obstacle.UNAVAILABLE) from error


def _obstacle(code: str) -> Obstacle:
    if code == "ResourceNotFoundException":
        return Obstacle.NOT_FOUND
    if code in _THROTTLED:
        return Obstacle.THROTTLED
    return Obstacle.NOT_PERMITTED if code in _DENIED else Obstacle.UNAVAILABLE
