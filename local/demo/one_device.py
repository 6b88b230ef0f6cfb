"""One device that comes to a local stack with the stack's claim certificate."""

from fleetgate_cli.local_stack import StackDescription
from local.demo.device import Broker, Identity, Issued, Registered, RegistrationRefused, connected


def play(
    stack: StackDescription, serial_number: str, mac_address: str
) -> tuple[Issued, Registered | RegistrationRefused]:
    """Create keys, register, and where the gate lets the device in, connect with its own certificate."""
    broker = Broker(host=stack.mqtt_host, port=stack.mqtt_port, root_ca_path=stack.root_ca_path)
    claim = Identity.read(stack.claim_certificate_path, stack.claim_private_key_path)
    parameters = {"SerialNumber": serial_number, "MacAddress": mac_address}
    with connected(broker, claim, f"{stack.claim_client_id_prefix}{serial_number}") as session:
        issued = session.create_keys_and_certificate()
        answer = session.register_thing(stack.outputs["ProvisioningTemplateName"], issued, parameters)
    if isinstance(answer, Registered):
        with connected(broker, issued.identity, answer.thing_name):
            pass
    return issued, answer
