"""The options that several commands take."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from fleetgate_cli.parameters import LIMIT, MANUFACTURER, REASON, SERIAL_NUMBER, TEMPLATE_NAME
from fleetgate_cli.run import DEFAULT_STACK_NAME, STACK_NAME_VARIABLE, Run

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")
_Function = TypeVar("_Function", bound=Callable[..., Any])

NO_REASON = "not given"


def shared_options(function: _Function) -> _Function:
    """The options that every command takes; the one nearer to the command's own name wins."""
    return all_of(
        _remembered(
            "--json",
            "as_json",
            is_flag=True,
            help="Print one JSON document; errors as JSON on stderr.",
        ),
        _remembered(
            "--local",
            "local",
            is_flag=True,
            help="Work on the embedded stack of this folder (make local).",
        ),
        _remembered(
            "--stack-name",
            "stack_name",
            metavar="NAME",
            help=f"The CloudFormation stack. [default: ${STACK_NAME_VARIABLE} or {DEFAULT_STACK_NAME}]",
        ),
        _remembered(
            "--profile",
            "profile",
            metavar="NAME",
            help="The AWS profile. [default: as the AWS CLI]",
        ),
        _remembered(
            "--region",
            "region",
            metavar="REGION",
            help="The AWS region. [default: as the AWS CLI]",
        ),
    )(function)


def with_run(function: Callable[Concatenate[Run, _Arguments], _Answer]) -> Callable[_Arguments, _Answer]:
    """Give a command the shared options, and the `Run` as its first argument."""
    return shared_options(click.make_pass_decorator(Run, ensure=True)(function))


def claim_scope_options(function: _Function) -> _Function:
    """Which devices a claim certificate may enrol."""
    return all_of(
        click.option("--manufacturer", metavar="NAME", type=MANUFACTURER, help="Whose devices it may enrol."),
        click.option("--any-manufacturer", is_flag=True, help="It may enrol devices of any manufacturer."),
        click.option(
            "--template",
            "templates",
            metavar="NAME",
            type=TEMPLATE_NAME,
            multiple=True,
            help="Provisioning template it may be used with; repeat for several. [default: all]",
        ),
        click.option(
            "--serial-number", metavar="SN", type=SERIAL_NUMBER, help="The only device it may enrol. [default: any]"
        ),
    )(function)


def limit_option(of_what: str, default: int) -> Callable[[_Function], _Function]:
    """How many of something to show."""
    return click.option(
        "--limit",
        metavar="N",
        type=LIMIT,
        default=default,
        show_default=True,
        help=f"Show at most this many {of_what}.",
    )


def required_reason(function: _Function) -> _Function:
    """The operator's words, where the audit trail needs them."""
    return click.option(
        "--reason", metavar="TEXT", type=REASON, required=True, help="Why, for the audit trail and the next shift."
    )(function)


def keep_certificates_option(function: _Function) -> _Function:
    """Whether AWS IoT is left out."""
    return click.option(
        "--keep-certificates", is_flag=True, help="Leave the device certificates in AWS IoT as they are."
    )(function)


def public_keys_option(function: _Function) -> _Function:
    """Whose signatures count."""
    return click.option(
        "--public-key",
        "public_keys",
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
        multiple=True,
        help="Trust this key, PEM or DER, instead of the one that AWS names; repeat for several.",
    )(function)


def optional_reason(function: _Function) -> _Function:
    """The operator's words, where the action speaks for itself."""
    return click.option(
        "--reason",
        metavar="TEXT",
        type=REASON,
        default=NO_REASON,
        help="Why, for the audit trail. [default: not given]",
    )(function)


def _remembered(flag: str, field: str, **attributes: Any) -> Callable[[_Function], _Function]:
    def callback(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
        run = context.ensure_object(Run)
        if value:
            setattr(run, field, value)

    return click.option(flag, expose_value=False, callback=callback, **attributes)


def all_of(*decorators: Callable[[Any], Any]) -> Callable[[_Function], _Function]:
    """Several options, in the order in which the help shows them."""

    def decorate(function: _Function) -> _Function:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate
