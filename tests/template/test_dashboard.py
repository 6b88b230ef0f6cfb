"""The dashboard shows what there is: metrics that somebody emits, of resources of this stack, and every alarm."""

import ast
import json
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from harness.embedded import Embedded
from local.embedded.template import function_ids
from local.environments import REPOSITORY
from tests.template.intrinsics import Deployment

# By namespace: the dimension, the type of resource that it names and in which form, and metrics of AWS. User guides of
# the services: "Types of metrics for Lambda functions", "Available CloudWatch metrics for Amazon SQS", "Monitoring Step
# Functions metrics using Amazon CloudWatch".
AWS_METRICS = {
    "AWS/Lambda": ("FunctionName", "AWS::Serverless::Function", "", {"Duration", "Errors", "IteratorAge", "Throttles"}),
    "AWS/SQS": ("QueueName", "AWS::SQS::Queue", ".QueueName", {"ApproximateNumberOfMessagesVisible"}),
    "AWS/States": ("StateMachineArn", "AWS::StepFunctions::StateMachine", "", {"ExecutionsFailed"}),
}
COLUMNS = 24

# A metric as a widget names it: namespace, name, dimension, value.
Metric = tuple[str, str, str, str]


@pytest.fixture(scope="module")
def body(defaults: Deployment) -> dict[str, Any]:
    """The dashboard with the names of the stack in it."""
    return dict(json.loads(defaults.resource("Dashboard")["DashboardBody"]))


@pytest.fixture(scope="module")
def shown(body: dict[str, Any]) -> set[Metric]:
    """Every metric on it."""
    return {
        (namespace, name, dimension, value)
        for widget in body["widgets"]
        for namespace, name, dimension, value, _ in widget["properties"].get("metrics", ())
    }


def named_in(function: str, defaults: Deployment) -> Iterator[Metric]:
    """What the handler of a function could be naming a metric of its service: every text in its code."""
    properties = defaults.resource(function)
    module = properties["Handler"].rpartition(".")[0].replace(".", "/")
    service = properties["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
    for node in ast.walk(ast.parse((REPOSITORY / "src" / f"{module}.py").read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield "Fleetgate", node.value, "service", service


def test_every_metric_of_ours_is_named_by_the_function_that_emits_it(
    shown: set[Metric], template: dict[str, Any], defaults: Deployment
) -> None:
    ours = {metric for metric in shown if metric[0] == "Fleetgate"}
    known = {metric for function in function_ids(template) for metric in named_in(function, defaults)}

    assert ours
    assert ours - known == set()


def test_every_metric_of_aws_is_one_of_a_resource_of_this_stack(shown: set[Metric], template: dict[str, Any]) -> None:
    known = {
        (namespace, metric, dimension, f"{name}{form}")
        for namespace, (dimension, resource_type, form, metrics) in AWS_METRICS.items()
        for name, resource in template["Resources"].items()
        if resource["Type"] == resource_type
        for metric in metrics
    }

    assert {metric for metric in shown if metric[0] != "Fleetgate"} - known == set()


def test_every_alarm_is_on_it(body: dict[str, Any], template: dict[str, Any]) -> None:
    (widget,) = [widget for widget in body["widgets"] if widget["type"] == "alarm"]
    alarms = [
        f"{name}.Arn"
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    ]

    assert sorted(widget["properties"]["alarms"]) == sorted(alarms)


def test_every_dead_letter_queue_is_on_it(shown: set[Metric], template: dict[str, Any]) -> None:
    queues = {f"{name}.QueueName" for name in template["Resources"] if name.endswith("DeadLetterQueue")}

    assert {value for namespace, _, _, value in shown if namespace == "AWS/SQS"} == queues


def test_the_hooks_time_is_shown_against_what_aws_iot_waits(body: dict[str, Any]) -> None:
    (widget,) = [widget for widget in body["widgets"] if "annotations" in widget["properties"]]
    lines = {line["value"] for line in widget["properties"]["annotations"]["horizontal"]}
    statistics = [metric[-1]["stat"] for metric in widget["properties"]["metrics"]]

    assert lines == {5000, 3000}
    assert statistics == ["p50", "p99"]


def test_graphs_say_what_they_show_of_this_region_and_how_it_is_summed_up(body: dict[str, Any]) -> None:
    for widget in body["widgets"]:
        properties = widget["properties"]
        assert properties["title"]
        for metric in properties.get("metrics", ()):
            assert metric[-1]["label"]
            assert metric[-1].get("stat") or properties["stat"]
        assert widget["type"] == "alarm" or properties["region"] == "eu-central-1"


def test_nothing_covers_anything_else(body: dict[str, Any]) -> None:
    places = [(one["x"], one["y"], one["x"] + one["width"], one["y"] + one["height"]) for one in body["widgets"]]

    assert all(right <= COLUMNS for _, _, right, _ in places)
    for (left, top, right, bottom), (other_left, other_top, other_right, other_bottom) in combinations(places, 2):
        assert right <= other_left or other_right <= left or bottom <= other_top or other_bottom <= top


def test_stacks_of_two_regions_have_two_dashboards(template: dict[str, Any], defaults: Deployment) -> None:
    other = Deployment(template, {"AWS::Region": "us-east-1"})

    assert defaults.resource("Dashboard")["DashboardName"] != other.resource("Dashboard")["DashboardName"]


def test_the_running_stack_has_it(embedded: Embedded) -> None:
    name = embedded.stack.outputs["DashboardName"]
    body = json.loads(embedded.client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"])

    assert len(body["widgets"]) == 10
