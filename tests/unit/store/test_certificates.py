"""AWS IoT's answers about certificates, told apart by code: botocore's own client, answered by its own stubber."""

from collections.abc import Callable
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError
from botocore.stub import Stubber

from fleetgate.store.certificates import CertificateOutOfReach, Certificates, CertificateStatus, Obstacle
from harness.builders import CERTIFICATE_ID


@pytest.fixture
def stubber() -> Stubber:
    """AWS IoT, as it is told to answer."""
    session = botocore.session.get_session()
    session.set_credentials("none", "none")
    return Stubber(session.create_client("iot", region_name="eu-central-1"))


def _obstacle(attempt: Callable[[str], object]) -> Obstacle:
    with pytest.raises(CertificateOutOfReach) as caught:
        attempt(CERTIFICATE_ID)
    return caught.value.obstacle


@pytest.mark.parametrize(
    ("code", "obstacle"),
    [
        ("ResourceNotFoundException", Obstacle.NOT_FOUND),
        ("ThrottlingException", Obstacle.THROTTLED),
        ("UnauthorizedException", Obstacle.NOT_PERMITTED),
        ("AccessDeniedException", Obstacle.NOT_PERMITTED),
        ("InternalFailureException", Obstacle.UNAVAILABLE),
        ("CertificateStateException", Obstacle.UNAVAILABLE),
    ],
)
def test_an_error_is_an_obstacle(code: str, obstacle: Obstacle, stubber: Stubber) -> None:
    certificates = Certificates(stubber.client)
    for operation, attempt in (
        ("describe_certificate", certificates.status),
        ("update_certificate", certificates.deactivate),
        ("update_certificate", certificates.activate),
    ):
        stubber.add_client_error(operation, service_error_code=code)
        with stubber:
            assert _obstacle(attempt) is obstacle


@pytest.mark.parametrize(
    ("error", "obstacle"),
    [
        (EndpointConnectionError(endpoint_url="https://127.0.0.1"), Obstacle.UNAVAILABLE),
        (NoCredentialsError(), Obstacle.NOT_PERMITTED),
    ],
)
def test_no_answer_is_an_obstacle(error: Exception, obstacle: Obstacle, stubber: Stubber) -> None:
    def fail(**_arguments: object) -> None:
        raise error

    stubber.client.meta.events.register("before-call.iot", fail)
    assert _obstacle(Certificates(stubber.client).status) is obstacle


def test_no_status_of_aws_iot_is_unknown(stubber: Stubber) -> None:
    shape: Any = stubber.client.meta.service_model.shape_for("CertificateStatus")
    assert set(shape.enum) == set(CertificateStatus)


@pytest.mark.parametrize("status", CertificateStatus)
def test_every_status_of_aws_iot_is_read(status: CertificateStatus, stubber: Stubber) -> None:
    stubber.add_response("describe_certificate", {"certificateDescription": {"status": status.value}})
    with stubber:
        assert Certificates(stubber.client).status(CERTIFICATE_ID) is status


def test_a_certificate_is_switched_off_and_on(stubber: Stubber) -> None:
    certificates = Certificates(stubber.client)
    for status in ("INACTIVE", "ACTIVE"):
        stubber.add_response("update_certificate", {}, {"certificateId": CERTIFICATE_ID, "newStatus": status})
    with stubber:
        certificates.deactivate(CERTIFICATE_ID)
        certificates.activate(CERTIFICATE_ID)
    stubber.assert_no_pending_responses()
