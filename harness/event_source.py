"""What Lambda does between a DynamoDB stream and a function, as AWS documents it and the embedded AWS does not.

A shard's records come in order and at least once. A batch of which nothing is known comes again in halves, and one that
was done in part comes again from its first failure.

Source: AWS Lambda developer guide, "Configuring partial batch response with DynamoDB and Lambda".
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

Record = dict[str, Any]
Batch = list[Record]
# Invokes the function with a batch; None if it failed.
Invoke = Callable[[Batch], Mapping[str, Any] | None]


@dataclass(kw_only=True)
class Shard:
    """The part of a stream that holds some subjects.

    Attributes:
        streams: A client of DynamoDB Streams.
        holds: Whether a record is of this shard.
        happened: What was done, by name: `batches`, `failed`, `in_part`, `read_again`, `read_refused`.
    """

    streams: Any
    stream_arn: str
    holds: Callable[[Record], bool]
    invoke: Invoke
    batch_size: int
    iterator: str
    happened: Counter[str] = field(default_factory=Counter)
    _waiting: list[Batch] = field(default_factory=list)
    _before: str | None = None

    def step(self) -> bool:
        """Invoke the function with what is next, once; False if there is nothing, or nothing could be read."""
        while not self._waiting:
            if not self._read():
                return False
        batch = self._waiting.pop(0)
        answer = self.invoke(batch)
        left = left_of(batch, answer)
        self._waiting[:0] = left
        self.happened["batches"] += 1
        self.happened["failed"] += answer is None
        self.happened["in_part"] += answer is not None and bool(left)
        return True

    def read_again(self) -> None:
        """Forget the last place in the stream: what was read there, done or not, comes again."""
        if self._before is not None:
            self.iterator, self._before = self._before, None
            self._waiting.clear()
            self.happened["read_again"] += 1

    def _read(self) -> bool:
        try:
            page = self.streams.get_records(ShardIterator=self.iterator, Limit=1000)
        except ClientError:
            self.happened["read_refused"] += 1
            return False
        if not page["Records"]:
            return False
        self._before, self.iterator = self.iterator, page["NextShardIterator"]
        records = [as_event(record, self.stream_arn) for record in page["Records"] if self.holds(record)]
        self._waiting = [records[start : start + self.batch_size] for start in range(0, len(records), self.batch_size)]
        return True


def newest(streams: Any, table_name: str) -> tuple[str, str]:
    """The ARN of a table's stream and an iterator after its last record; the embedded AWS has one shard a stream."""
    (stream,) = streams.list_streams(TableName=table_name)["Streams"]
    stream_arn = stream["StreamArn"]
    (shard,) = streams.describe_stream(StreamArn=stream_arn)["StreamDescription"]["Shards"]
    found = streams.get_shard_iterator(StreamArn=stream_arn, ShardId=shard["ShardId"], ShardIteratorType="LATEST")
    return stream_arn, found["ShardIterator"]


def left_of(batch: Batch, answer: Mapping[str, Any] | None) -> list[Batch]:
    """What of a batch comes again, and in which batches.

    Args:
        answer: Of the function; None if it failed.
    """
    if answer is None:
        return _halves(batch)
    failures = answer.get("batchItemFailures") or []
    if not failures:
        return []
    places = {record["dynamodb"]["SequenceNumber"]: place for place, record in enumerate(batch)}
    failed = [places.get(failure.get("itemIdentifier")) for failure in failures]
    if None in failed:  # names nothing that is there: a failure of the whole
        return _halves(batch)
    return [batch[min(place for place in failed if place is not None) :]]


def as_event(record: Mapping[str, Any], stream_arn: str) -> Record:
    """A record of the stream as Lambda hands it over; only texts, numbers and lists are in ours."""
    change = record["dynamodb"]
    at = change["ApproximateCreationDateTime"].timestamp()
    return {**record, "eventSourceARN": stream_arn, "dynamodb": {**change, "ApproximateCreationDateTime": at}}


def _halves(batch: Batch) -> list[Batch]:
    middle = len(batch) // 2
    return [part for part in (batch[:middle], batch[middle:]) if part]
