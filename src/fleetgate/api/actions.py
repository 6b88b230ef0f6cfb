"""Actions over HTTP: API Gateway hands on what a signed caller wants stopped, released, reopened or retired."""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging.correlation_paths import API_GATEWAY_HTTP
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from fleetgate.api import device_routes, fleet_routes, manufacturer_routes
from fleetgate.api.application import application, resolve

logger = Logger()
metrics = Metrics(namespace="Fleetgate")
app = application(
    [device_routes.router, fleet_routes.router, manufacturer_routes.router], logger=logger, metrics=metrics
)


@logger.inject_lambda_context(clear_state=True, log_event=False, correlation_id_path=API_GATEWAY_HTTP)
@metrics.log_metrics
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request.

    Args:
        event: Of an HTTP API, payload format 2.0.

    Returns:
        `statusCode`, `headers` and `body`; a problem document where something is wrong.
    """
    metrics.add_metric("ApiRequest", MetricUnit.Count, 1)
    return resolve(app, event, context)
