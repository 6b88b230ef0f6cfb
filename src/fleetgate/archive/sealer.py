"""The sealer: every hour, a signed digest of what was archived in the hour before."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from fleetgate.archive.seal import Sealer, seal_hours
from fleetgate.archive.settings import SealerSettings
from fleetgate.archive.store import Archive, SealingKey

logger = Logger()
metrics = Metrics(namespace="Fleetgate")

# An hour is not begun with less than this left; what is cut off all the same is done again by the next run.
_AN_HOUR_TAKES_MILLISECONDS = 120_000


@logger.inject_lambda_context(clear_state=True, log_event=False)
@metrics.log_metrics
def handler(_event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Seal the hours that are closed.

    Returns:
        The hours that were sealed, and whether there are more.
    """
    try:
        done = seal_hours(
            _sealer(),
            now=datetime.now(UTC),
            max_hours=_settings().max_hours,
            has_time=lambda: context.get_remaining_time_in_millis() > _AN_HOUR_TAKES_MILLISECONDS,
        )
    except Exception:
        logger.exception("hours could not be sealed")
        raise
    for digest in done.digests:
        logger.info("hour was sealed", hour=digest.hour.isoformat(), records=digest.record_count, late=len(digest.late))
    metrics.add_metric("SealedHours", MetricUnit.Count, len(done.digests))
    return {"sealed": [digest.hour.isoformat() for digest in done.digests], "is_done": done.is_done}


@cache
def _settings() -> SealerSettings:
    return SealerSettings.from_environment(os.environ)


@cache
def _sealer() -> Sealer:
    settings = _settings()
    return Sealer(
        archive=Archive.of_environment(settings.archiver.bucket),
        key=SealingKey.of_environment(settings.key_arn),
        stack=settings.stack_arn,
        settling_time=settings.archiver.settling_time,
    )
