"""Hears what a topic tells people."""

import json
import secrets
from collections.abc import Callable

from harness.embedded import Embedded
from tests.e2e.waiting import eventually


def listener(embedded: Embedded, topic_arn: str) -> Callable[[str], str]:
    """Subscribes to a topic; waits for the notice that has some text in it."""
    sqs, sns = embedded.client("sqs"), embedded.client("sns")
    url = sqs.create_queue(QueueName=f"notices-{secrets.token_hex(4)}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    may_send = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = {"Version": "2012-10-17", "Statement": [may_send]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn)
    heard: list[str] = []

    def notice_with(text: str) -> str:
        def look() -> str | None:
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                heard.append(json.loads(message["Body"])["Message"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            return next((notice for notice in heard if text in notice), None)

        return eventually(look)

    return notice_with
