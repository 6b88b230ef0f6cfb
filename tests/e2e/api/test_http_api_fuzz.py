"""The deployed API against its own document: whatever is sent, the answer is one that the document promises."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, settings
from requests.auth import AuthBase
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from fleetgate_cli.local_session import ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY
from harness.embedded import Embedded
from local.documents.openapi import DOCUMENT

schema: Any = schemathesis.openapi.from_path(DOCUMENT)
_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


class _Signed(AuthBase):
    """Signs requests for execute-api, as root."""

    def __init__(self, region: str) -> None:
        self._region = region

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        aws = AWSRequest(method=request.method, url=request.url, data=request.body)
        SigV4Auth(Credentials(ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY), "execute-api", self._region).add_auth(aws)
        request.headers.update(dict(aws.headers))
        return request


@pytest.fixture(scope="module")
def base_url(embedded: Embedded) -> Iterator[str]:
    """Where the API is. Whatever was stopped meanwhile is let go, for the tests that follow."""
    url = f"{embedded.stack.endpoint_url}/_aws/execute-api/{embedded.resource('Api')}/$default"
    yield url

    def act(path: str, **order: str) -> None:
        order["reason"] = "the fuzzing is over"
        answer = requests.post(f"{url}{path}", json=order, auth=_Signed(embedded.stack.region), timeout=60)
        assert answer.status_code == 200, answer.text

    act("/v1/gate/start")
    switch = requests.get(f"{url}/v1/gate", auth=_Signed(embedded.stack.region), timeout=60).json()
    for name in switch["manufacturers"]:
        act("/v1/manufacturers/release", manufacturer=name)


@schema.parametrize()  # type: ignore[untyped-decorator]
@settings(
    max_examples=15,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_the_document_promises(case: Any, base_url: str, embedded: Embedded) -> None:
    response = case.call(base_url=base_url, auth=_Signed(embedded.stack.region))
    case.validate_response(response, checks=_CHECKS)
