"""The handler as Lambda runs it, and an event of an approved device."""

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.gate import hook
from harness.certificates import issued_certificate


class Context:
    """A Lambda context with real time running down."""

    function_name = "hook"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:eu-central-1:000000000000:function:hook"
    aws_request_id = "request-1"

    def __init__(self, seconds: float = 5.0) -> None:
        self._ends = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._ends - time.monotonic()) * 1000))


@pytest.fixture
def invoke(
    role_environment: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Any]]:
    """Invokes the handler as a fresh execution environment would, warm from the second time on."""
    (stream_handler,) = hook.logger.handlers
    hook._settings.cache_clear()
    hook._store.cache_clear()

    def run(event: Any, seconds: float = 5.0) -> Any:
        # The logger took hold of stdout when it was imported, before pytest began to capture this test's.
        monkeypatch.setattr(stream_handler, "stream", sys.stdout)
        return hook.handler(event, Context(seconds))

    yield run
    hook._settings.cache_clear()
    hook._store.cache_clear()


@pytest.fixture
def event(role_environment: dict[str, str], claim: ClaimCertificate, approved: AllowListEntry) -> dict[str, Any]:
    """A hook event of an approved device."""
    certificate = issued_certificate()
    return {
        "claimCertificateId": claim.certificate_id,
        "certificateId": certificate.certificate_id,
        "certificatePem": certificate.pem,
        "templateArn": role_environment["PROVISIONING_TEMPLATE_ARN"],
        "clientId": "claim-device-1",
        "parameters": {"SerialNumber": approved.serial_number.value, "MacAddress": "00-1B-44-11-3A-B7"},
    }
