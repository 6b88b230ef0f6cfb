"""The roles of the import: what is granted, on which things, to whom.

The embedded AWS asks nobody whether its SQS poller may poll and its state machine may invoke a function; what is
granted for these is compared with what AWS asks for.
"""

import itertools
from fnmatch import fnmatchcase
from typing import Any

from fleetgate.store.allow_list_items import claim_key
from fleetgate.store.manufacturers import LISTING, manufacturer_key
from tests.template.grants import Statement
from tests.template.imports.granted import BOTH, BY_AWS, IMPORTER, MACHINE, MAP, STEPS, THING_GROUPS, keys, leading_keys
from tests.template.intrinsics import Deployment


def test_each_function_runs_under_its_own_role_and_nobody_else_can_take_it(defaults: Deployment) -> None:
    for function in ("ImportFunction", "ImportStepFunction"):
        role = defaults.resource(f"{function}Role")
        assert defaults.resource(function)["Role"] == f"{function}Role.Arn"
        assert not {"Policies", "Events", "FunctionUrlConfig"} & set(defaults.resource(function))
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust == {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }


def test_the_state_machine_runs_under_its_own_role_and_only_for_this_account(defaults: Deployment) -> None:
    (trust,) = defaults.resource(MACHINE)["AssumeRolePolicyDocument"]["Statement"]

    assert defaults.resource("ImportStateMachine")["RoleArn"] == f"{MACHINE}.Arn"
    assert trust == {
        "Effect": "Allow",
        "Principal": {"Service": "states.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}},
    }


def test_what_both_functions_may_do_nobody_else_may(defaults: Deployment) -> None:
    assert defaults.resource(BOTH)["Roles"] == [IMPORTER, STEPS]
    assert not {"Users", "Groups"} & set(defaults.resource(BOTH))
    assert defaults.resource(MAP)["Roles"] == [MACHINE]


def test_messages_are_not_polled_before_the_importer_may_do_its_work(template: dict[str, Any]) -> None:
    assert set(template["Resources"]["ImportEventSource"]["DependsOn"]) == {IMPORTER, BOTH}


def test_nothing_is_granted_by_wildcard_but_what_lies_in_a_folder(granted: dict[str, Statement]) -> None:
    texts = [text for found in granted.values() for text in (*found.actions, *found.resources) if "*" in text]

    assert sorted(texts) == sorted(
        [THING_GROUPS]
        + [f"DropBox.Arn/{folder}/*" for folder in ("incoming", "dry-run", "reports", "work", "work", "work", "work")]
    )


def test_what_aws_does_with_these_roles_by_itself_is_this(granted: dict[str, Statement]) -> None:
    """Polling (Lambda developer guide, "Using Lambda with Amazon SQS"), logging, and running a Distributed Map.

    Step Functions developer guide, "IAM policies for using Distributed Map states": without what it names for stopping
    child executions, of which express ones have nothing to stop.
    """
    assert {sid: granted[sid] for sid in BY_AWS} == {
        "TakeAnnouncements": Statement(
            IMPORTER,
            "TakeAnnouncements",
            frozenset({"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}),
            ("ImportQueue.Arn",),
            {},
        ),
        "WriteLogs": Statement(
            BOTH, "WriteLogs", frozenset({"logs:CreateLogStream", "logs:PutLogEvents"}), ("ImportLogGroup.Arn",), {}
        ),
        "DoTheSteps": Statement(
            MACHINE, "DoTheSteps", frozenset({"lambda:InvokeFunction"}), ("ImportStepFunction.Arn",), {}
        ),
        "ReadRowsAndWriteResults": Statement(
            MACHINE,
            "ReadRowsAndWriteResults",
            frozenset({"s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"}),
            ("DropBox.Arn/work/*",),
            {},
        ),
        "RunBatches": Statement(MAP, "RunBatches", frozenset({"states:StartExecution"}), ("ImportStateMachine",), {}),
    }


def test_all_other_statements_are_for_what_the_code_does(granted: dict[str, Statement]) -> None:
    assert set(granted) - set(BY_AWS) == {
        *("FindDevicesAndStops", "KeepDevicesAndTheirIdentities", "FreeIdentities", "KeepImportRecordsAndTurns"),
        *(
            "AppendToTheAuditTrail",
            "WriteReports",
            "AnnounceTheEnd",
            "ReadDeliveries",
            "CountRows",
            "NoteProgress",
            "AnnounceAgain",
            "WriteWork",
        ),
        *("AskForThingGroups", "HandOnLongFiles", "ReadTheWork", "WriteDetails"),
        *("ReadTheProfile", "ListManufacturers"),
    }


def test_claim_certificates_are_out_of_reach(granted: dict[str, Statement]) -> None:
    on_the_allow_list = [found for found in granted.values() if "AllowListTable.Arn" in found.resources]

    assert {found.sid for found in on_the_allow_list} == {
        *("FindDevicesAndStops", "KeepDevicesAndTheirIdentities", "FreeIdentities", "KeepImportRecordsAndTurns"),
        *("CountRows", "NoteProgress", "ReadTheProfile"),
    }
    for found in on_the_allow_list:
        assert set(found.condition) == {"ForAllValues:StringLike"}
        leading = leading_keys(found)
        assert leading
        assert not any(fnmatchcase(claim_key("c0" * 32), pattern) for pattern in leading), found.sid
        assert all(pattern.index("#") for pattern in leading), "a kind of item, not any"


def test_the_importer_removes_no_device_and_no_record(granted: dict[str, Statement]) -> None:
    removing = [found for found in granted.values() if "dynamodb:DeleteItem" in found.actions]

    assert [found.condition for found in removing] == [keys("key#*", "mac#*")]


def test_the_importer_reads_manufacturers_and_lists_nothing_else(granted: dict[str, Statement]) -> None:
    reading, listing = granted["ReadTheProfile"], granted["ListManufacturers"]

    assert {reading.role, listing.role} == {IMPORTER}
    assert reading.actions | listing.actions == {"dynamodb:GetItem", "dynamodb:Query"}
    assert reading.condition == keys(manufacturer_key("*"))
    assert listing.resources == ("AllowListTable.Arn/index/by_listing",)
    assert listing.condition == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": LISTING}}


def test_only_reports_and_work_are_written_in_the_drop_box_and_nothing_is_removed(
    all_granted: list[Statement],
) -> None:
    for key, action in itertools.product(
        ("incoming/acme/x", "dry-run/acme/x", "reports/acme/1/x", "work/1/x"), ("PutObject", "DeleteObject")
    ):
        writing = {
            found.role
            for found in all_granted
            if found.grants(f"s3:{action}", f"DropBox.Arn/{key}") and found.role != "ManufacturerPolicy"
        }
        expected = {
            ("reports/acme/1/x", "PutObject"): {BOTH},
            ("work/1/x", "PutObject"): {IMPORTER, STEPS, MACHINE},
        }.get((key, action), set())
        assert writing == expected, (key, action)
