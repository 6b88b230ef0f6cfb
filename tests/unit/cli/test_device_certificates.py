"""What is told of one certificate, and of several."""

import pytest
from rich.console import Console

from fleetgate.operators.tally import CertificateResult, Handled, Tally
from fleetgate_cli.device_certificates import print_certificates


@pytest.mark.parametrize(
    ("ending", "of_one", "of_two"),
    [
        (
            CertificateResult.NOT_FOUND,
            "1 certificate not known to AWS IoT, so nobody can connect with it.",
            "connect with them.",
        ),
        (
            CertificateResult.UNCHANGED,
            "1 certificate already in the requested state.",
            "already in the requested state.",
        ),
        (
            CertificateResult.STILL_STOPPED,
            "1 certificate left inactive: the device is",
            "their devices are still stopped",
        ),
    ],
)
def test_several_certificates_are_not_told_of_as_one(
    ending: CertificateResult, of_one: str, of_two: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for number in (1, 2):
        tally = Tally()
        tally.add(Handled(certificate_id=str(one) * 64, serial_number=None, ending=ending) for one in range(number))
        print_certificates(tally, Console(soft_wrap=True, width=200))
        said.append(capsys.readouterr().out)
    assert said[0].startswith(of_one)
    assert said[1].startswith("2 certificates ")
    assert of_two in said[1]
