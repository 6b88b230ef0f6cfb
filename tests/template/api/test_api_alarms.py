"""The alarms of the HTTP API: it fails, or what it asks does."""

import pytest

from harness.embedded import Embedded
from tests.template.alarms import Alarms, Metric, emitted_by, watched_in
from tests.template.intrinsics import Deployment


@pytest.fixture(scope="module")
def emitted(deployment: Deployment, embedded: Embedded) -> set[Metric]:
    """The metrics that the HTTP API emits of a question that cannot be answered, since there is no DynamoDB."""
    context = {
        "http": {"method": "GET", "path": "/v1/gate"},
        "requestId": "1",
        "stage": "$default",
        "authorizer": {"iam": {"userArn": "arn:aws:iam::123456789012:user/alice"}},
    }
    event = {"version": "2.0", "rawPath": "/v1/gate", "rawQueryString": "", "headers": {}, "requestContext": context}
    nowhere = "http://127.0.0.1:9"
    return emitted_by(deployment, embedded, "QueryFunction", event, AWS_ENDPOINT_URL=nowhere)


def test_every_alarm_watches_a_metric_that_is_emitted(alarms: Alarms, emitted: set[Metric]) -> None:
    # API Gateway developer guide, "Monitor CloudWatch metrics for HTTP APIs".
    known = emitted | {("AWS/ApiGateway", "5xx", frozenset({("ApiId", "Api")}))}

    assert watched_in("api", alarms) - known == set()
