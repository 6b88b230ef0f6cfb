"""Device certificates in AWS IoT: whether they are active, and switching them off and on."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

# AWS IoT API reference, UpdateCertificate, and IAM's own codes.
_THROTTLED = frozenset({"LimitExceededException", "ThrottlingException", "TooManyRequestsException"})
_DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredTokenException",
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


class Certificates:
    """The certificates of one account and region. Every method raises CertificateOutOfReach.

    Args:
        client: A botocore or boto3 client of AWS IoT.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def status(self, certificate_id: str) -> CertificateStatus:
        """Whether a certificate is active, or what else it is."""
        with _translated():
            found = self._client.describe_certificate(certificateId=certificate_id)
        return CertificateStatus(found["certificateDescription"]["status"])

    def deactivate(self, certificate_id: str) -> None:
        """Have AWS IoT refuse a certificate from its next connection on; a live connection may stay."""
        self._update(certificate_id, CertificateStatus.INACTIVE)

    def activate(self, certificate_id: str) -> None:
        """Have AWS IoT accept a certificate again."""
        self._update(certificate_id, CertificateStatus.ACTIVE)

    def _update(self, certificate_id: str, status: CertificateStatus) -> None:
        with _translated():
            self._client.update_certificate(certificateId=certificate_id, newStatus=status.value)


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
