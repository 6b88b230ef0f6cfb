"""The policy for a factory's role: deliver and read under its own name, and nothing else."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from harness.embedded import Embedded
from tests.template.embedded_roles import bucket_of, is_denied, role_with
from tests.template.grants import Statement, statements
from tests.template.intrinsics import Deployment

NAME = "${aws:PrincipalTag/manufacturer}"


def test_every_statement_is_about_the_manufacturer_that_the_principals_tag_names(template: dict[str, Any]) -> None:
    granted = [statement for statement in statements(template) if statement.role == "ManufacturerPolicy"]

    assert granted == [
        Statement(
            role="ManufacturerPolicy",
            sid="Deliver",
            actions=frozenset({"s3:AbortMultipartUpload", "s3:PutObject"}),
            resources=(f"DropBox.Arn/incoming/{NAME}/*", f"DropBox.Arn/dry-run/{NAME}/*"),
            condition={},
        ),
        Statement(
            role="ManufacturerPolicy",
            sid="ReadReports",
            actions=frozenset({"s3:GetObject"}),
            resources=(f"DropBox.Arn/reports/{NAME}/*",),
            condition={},
        ),
        Statement(
            role="ManufacturerPolicy",
            sid="FindReports",
            actions=frozenset({"s3:ListBucket"}),
            resources=("DropBox.Arn",),
            condition={"StringLike": {"s3:prefix": f"reports/{NAME}/*"}},
        ),
    ]


def test_the_variable_is_the_one_of_the_policy_language(defaults: Deployment) -> None:
    # IAM takes variables from this version on; in one without a version they are plain text.
    assert defaults.resource("ManufacturerPolicy")["PolicyDocument"]["Version"] == "2012-10-17"


def test_nobody_has_the_policy_before_an_operator_attaches_it(defaults: Deployment) -> None:
    assert not {"Roles", "Users", "Groups"} & set(defaults.resource("ManufacturerPolicy"))


# ---- What IAM makes of it ---------------------------------------------------------------------------------------


class Factory:
    """A factory's way into a drop box."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def may_put(self, key: str) -> bool:
        return not is_denied(lambda: self._s3.put_object(Bucket=self._bucket, Key=key, Body=b"x"))

    def may_read(self, key: str) -> bool:
        return not is_denied(lambda: self._s3.get_object(Bucket=self._bucket, Key=key))

    def may_list(self, prefix: str | None) -> bool:
        which = {} if prefix is None else {"Prefix": prefix}
        return not is_denied(lambda: self._s3.list_objects_v2(Bucket=self._bucket, **which))

    def may_delete(self, key: str) -> bool:
        return not is_denied(lambda: self._s3.delete_object(Bucket=self._bucket, Key=key))

    def may_upload_in_parts_and_think_again(self, key: str) -> bool:
        def attempt() -> None:
            upload = self._s3.create_multipart_upload(Bucket=self._bucket, Key=key)["UploadId"]
            self._s3.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload)

        return not is_denied(attempt)


PLACES = [
    f"{folder}/{manufacturer}/x"
    for folder in ("incoming", "dry-run", "reports", "work")
    for manufacturer in ("acme", "acme-2", "globex")
]


@pytest.fixture(scope="module")
def acme(template: dict[str, Any], embedded: Embedded) -> Iterator[Factory]:
    """The factory of acme.

    The policy is the template's, on a role in the embedded AWS, which decides. Simulated is that acme's name stands in
    the policy already: ministack does not work out `aws:PrincipalTag`, as IAM does from the tag of the role. The bucket
    is the test's own, so that nothing is imported.
    """
    with bucket_of(embedded) as bucket:
        for place in PLACES:
            embedded.client("s3").put_object(Bucket=bucket, Key=place, Body=b"x")
        text = json.dumps(Deployment(template).resource("ManufacturerPolicy")["PolicyDocument"])
        assert text.count(NAME) == 4
        policy = json.loads(text.replace("DropBox.Arn", f"arn:aws:s3:::{bucket}").replace(NAME, "acme"))
        with role_with(embedded, policy) as s3:
            yield Factory(s3, bucket)


def test_a_factory_may_deliver_in_its_own_name_only(acme: Factory) -> None:
    assert {place for place in PLACES if acme.may_put(place)} == {"incoming/acme/x", "dry-run/acme/x"}
    assert acme.may_put("incoming/acme/2026/w06/list.csv")
    assert not acme.may_put("incoming/x")


def test_a_factory_may_read_its_own_reports_only(acme: Factory) -> None:
    assert {place for place in PLACES if acme.may_read(place)} == {"reports/acme/x"}


def test_a_factory_may_list_its_own_reports_only(acme: Factory) -> None:
    assert acme.may_list("reports/acme/")
    assert acme.may_list("reports/acme/20260131T080000Z-0123456789ab/")
    for prefix in (None, "", "reports/", "reports/acme", "reports/globex/", "incoming/acme/", "work/acme/"):
        assert not acme.may_list(prefix), prefix


def test_a_factory_may_take_nothing_back(acme: Factory) -> None:
    assert {place for place in PLACES if acme.may_delete(place)} == set()


def test_a_factory_may_deliver_long_files_in_parts(acme: Factory) -> None:
    assert acme.may_upload_in_parts_and_think_again("incoming/acme/long.csv")
    assert not acme.may_upload_in_parts_and_think_again("incoming/globex/long.csv")
