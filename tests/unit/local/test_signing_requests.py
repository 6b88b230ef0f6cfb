"""The extension of the embedded AWS that takes signing requests over MQTT: it fails where ministack has changed."""

from types import SimpleNamespace

import pytest

from local.embedded.signing_requests import MinistackChanged, install


def changed() -> None:
    """Stands for a function of another version of ministack."""


def test_an_extension_that_no_longer_fits_is_an_error_that_names_the_function() -> None:
    names = (
        "_parse_fleet_provisioning_topic",
        "_fleet_provisioning_reply",
        "_fleet_create_keys_and_certificate",
        "_create_certificate_from_csr",
    )
    other = SimpleNamespace(**dict.fromkeys(names, changed))
    with pytest.raises(MinistackChanged, match="_parse_fleet_provisioning_topic has changed"):
        install(other)
    assert other._fleet_provisioning_reply is changed
