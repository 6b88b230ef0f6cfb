"""The steps of the state machine that imports long files: apply one batch, merge all batches, or give up."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from fleetgate.imports.batches import apply_batch, give_up_on_map, merge_batches
from fleetgate.imports.collector import collect_rarely
from fleetgate.imports.documents import sentence_of
from fleetgate.imports.journal import ImportJournal
from fleetgate.imports.record import ImportRecord
from fleetgate.imports.settings import JournalSettings
from fleetgate.imports.store.rows import ImportStore
from fleetgate.store.audit_items import make_clock

logger = Logger()
metrics = Metrics(namespace="Fleetgate")


@logger.inject_lambda_context(clear_state=True, log_event=False)
@metrics.log_metrics
def handler(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Do one step.

    Args:
        event: `step` says which: `apply` with `batch`, which is `{"Items": [...]}` or a single item, an item being
            `{"import_id", "manufacturer", "row"}`; `merge` with `import_id` and `map`, the result of the map;
            `give_up` with `import_id`.

    Returns:
        How the rows ended, for `apply`; how the import ended, for the others.
    """
    try:
        return _STEPS[event["step"]](event)
    except Exception:
        logger.exception("import step could not be done", step=event.get("step"))
        metrics.add_metric("ImportFault", MetricUnit.Count, 1)
        raise


def _merge(event: Mapping[str, Any]) -> dict[str, Any]:
    return _ended(merge_batches(event["import_id"], event["map"], journal=_journal()))


def _give_up(event: Mapping[str, Any]) -> dict[str, Any]:
    return _ended(give_up_on_map(event["import_id"], journal=_journal()))


def _ended(record: ImportRecord) -> dict[str, Any]:
    logger.info("import was run", import_id=record.import_id, how=sentence_of(record))
    metrics.add_metric("ImportRun", MetricUnit.Count, 1)
    if record.problem:
        metrics.add_metric("ImportFailed", MetricUnit.Count, 1)
    return {"import_id": record.import_id, "status": record.status.value}


def _apply(event: Mapping[str, Any]) -> dict[str, Any]:
    batch = event["batch"]
    # Without its batcher, as in the embedded AWS, the map hands out single items.
    items = batch.get("Items", [batch])
    metrics.add_metric("ImportedRows", MetricUnit.Count, len(items))
    return apply_batch(
        [item["row"] for item in items],
        manufacturer=items[0]["manufacturer"],
        import_id=items[0]["import_id"],
        store=_rows(),
        drop_box=_journal().drop_box,
        records=_journal().records,
        now=make_clock().now,
    )


_STEPS = {"apply": _apply, "merge": _merge, "give_up": _give_up}


@cache
def _settings() -> JournalSettings:
    collect_rarely()  # all that an invocation needs is loaded by now
    return JournalSettings.from_environment(os.environ)


@cache
def _journal() -> ImportJournal:
    return ImportJournal.of_environment(_settings())


@cache
def _rows() -> ImportStore:
    return ImportStore(_settings().tables)
