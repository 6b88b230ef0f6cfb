"""Why a request was let in, turned away, or could not be judged. docs/denial-reasons.md is generated from here."""

from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """A code with a sentence on what it means and one on what to do."""

    meaning: str
    remedy: str

    def __new__(cls, code: str, meaning: str, remedy: str) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        member.remedy = remedy
        return member


class DenialReason(Reason):
    """Why the gate said no. The device is only told that it was denied."""

    GATE_STOPPED = (
        "gate_stopped",
        "An operator stopped the gate: nobody is let in, and nobody gets an earlier answer again.",
        "Read the reason: fleetgate gate status. Start the gate again when the case is closed: fleetgate gate start.",
    )
    UNKNOWN_TEMPLATE = (
        "unknown_template",
        "The request names a provisioning template that this gate does not guard.",
        "Check which template has this hook attached; each stack guards exactly one.",
    )
    CLAIM_CERTIFICATE_MISSING = (
        "claim_certificate_missing",
        "AWS IoT named no claim certificate, so nobody vouches for the device.",
        "Look at how the hook was invoked: AWS IoT always names the claim certificate.",
    )
    CLAIM_CERTIFICATE_NOT_REGISTERED = (
        "claim_certificate_not_registered",
        "The claim certificate is not registered with the gate.",
        "If it is yours, register it: fleetgate claim register. If not, deactivate it in AWS IoT.",
    )
    CLAIM_CERTIFICATE_BLOCKED = (
        "claim_certificate_blocked",
        "The claim certificate was blocked, by an operator or by the watcher.",
        "Read the reason: fleetgate audit list --claim. If it was blocked by mistake, release it: fleetgate claim "
        "release. Else give the factory a new one: fleetgate claim create.",
    )
    CLAIM_CERTIFICATE_EXPIRED = (
        "claim_certificate_expired",
        "The registration of the claim certificate was for a limited time, which is over.",
        "Register it again, or create a new one: fleetgate claim create.",
    )
    CLAIM_TEMPLATE_OUT_OF_SCOPE = (
        "claim_template_out_of_scope",
        "The claim certificate may not be used with this provisioning template.",
        "Register the claim certificate for this template, or flash the device with the right one.",
    )
    CLAIM_SERIAL_NUMBER_OUT_OF_SCOPE = (
        "claim_serial_number_out_of_scope",
        "The claim certificate may enrol one serial number only, and this is another.",
        "Ask the trusted user who requested the claim which device it was meant for.",
    )
    CERTIFICATE_UNREADABLE = (
        "certificate_unreadable",
        "AWS IoT sent no certificate whose public key can be read, so the gate cannot tell whose key it is.",
        "Look at how the hook was invoked: AWS IoT always sends the certificate that is asked for.",
    )
    KEY_ASSIGNED_TO_ANOTHER_DEVICE = (
        "key_assigned_to_another_device",
        "The public key of the certificate was given to another serial number before.",
        "Compare both with fleetgate device story. Firmware may copy keys from device to device, or somebody may have "
        "replayed a signing request, which proves no possession of the key. Quarantine the device that the key belongs "
        "to only if its key left it.",
    )
    CERTIFICATE_DEACTIVATED = (
        "certificate_deactivated",
        "A stop deactivated the certificate or its key, and was not released.",
        "Read what stopped it: fleetgate device story. Release that stop when the case is closed, or have the device "
        "make a new key. Where a later certificate superseded it, open a repair window: fleetgate device reopen.",
    )
    KEY_MISMATCH = (
        "key_mismatch",
        "The approval names a public key, and the certificate that was asked for has another.",
        "Compare the device with the factory list: somebody may present a genuine label with a key of their own.",
    )
    PARAMETERS_MISSING = (
        "parameters_missing",
        "The device presented no parameters at all.",
        "Have the firmware send its serial number and MAC address with RegisterThing.",
    )
    PARAMETER_INVALID = (
        "parameter_invalid",
        "A parameter that the gate reads is not text, is too long, or has characters outside ASCII.",
        "Correct what the firmware sends; the audit record shows the readable part of it.",
    )
    SERIAL_NUMBER_MISSING = (
        "serial_number_missing",
        "The device presented no serial number.",
        "Check the parameter's name against the stack's SerialNumberParameterNames.",
    )
    SERIAL_NUMBER_AMBIGUOUS = (
        "serial_number_ambiguous",
        "The device presented different serial numbers under two parameter names.",
        "Have the firmware send one; two readers of the request must never see two identities.",
    )
    SERIAL_NUMBER_INVALID = (
        "serial_number_invalid",
        "The serial number makes no thing name of this stack, or does not match the configured pattern.",
        "Compare it with the stack's SerialNumberPattern, and the thing name with ClaimClientIdPrefix: none may start "
        "with it.",
    )
    MAC_ADDRESS_MISSING = (
        "mac_address_missing",
        "The allow-list entry names MAC addresses, and the device presented none.",
        "Check the parameter's name against the stack's MacAddressParameterNames.",
    )
    MAC_ADDRESS_AMBIGUOUS = (
        "mac_address_ambiguous",
        "The device presented different MAC addresses under two parameter names.",
        "Have the firmware send one.",
    )
    MAC_ADDRESS_INVALID = (
        "mac_address_invalid",
        "The MAC address is not an EUI-48 or EUI-64 that a single device can own.",
        "Correct what the firmware sends.",
    )
    MAC_ADDRESS_LOCALLY_ADMINISTERED = (
        "mac_address_locally_administered",
        "The MAC address is locally administered, so anybody may have made it up.",
        "Use the address the vendor assigned, or set AllowLocallyAdministeredMac.",
    )
    MAC_ADDRESS_MISMATCH = (
        "mac_address_mismatch",
        "The serial number is approved, but for other hardware: a clone, or a swapped board.",
        "Compare the device's label with the factory list. Many of these at once mean stolen serial numbers.",
    )
    NOT_ON_ALLOW_LIST = (
        "not_on_allow_list",
        "Nobody approved this serial number.",
        "If the device is genuine, add it: fleetgate allow-list add.",
    )
    ENTRY_WITHOUT_MAC_ADDRESS = (
        "entry_without_mac_address",
        "The allow-list entry names no MAC address, and the stack requires one.",
        "Approve the device with its MAC address, or set RequireMac=false.",
    )
    MANUFACTURER_MISMATCH = (
        "manufacturer_mismatch",
        "The claim certificate belongs to another manufacturer than the approved device.",
        "Find out how one manufacturer's claim certificate reached another's device.",
    )
    TEMPLATE_NOT_ALLOWED = (
        "template_not_allowed",
        "The device is approved, but for other provisioning templates.",
        "Approve the device for this template if it belongs here.",
    )
    NOT_YET_VALID = (
        "not_yet_valid",
        "The approval starts later.",
        "Wait, or approve the device from an earlier date.",
    )
    APPROVAL_EXPIRED = (
        "approval_expired",
        "The approval has ended.",
        "Approve the device again if it is still expected.",
    )
    APPROVAL_REVOKED = (
        "approval_revoked",
        "The factory withdrew the approval before the device used it.",
        "If the device is genuine after all, have the factory approve it again.",
    )
    QUARANTINED = (
        "quarantined",
        "An operator quarantined the device.",
        "Read the quarantine's reason: fleetgate device show. Release it when the case is closed.",
    )
    MANUFACTURER_STOPPED = (
        "manufacturer_stopped",
        "An operator quarantined all devices of this manufacturer.",
        "Read the reason: fleetgate gate status. Release the manufacturer when the case is closed: "
        "fleetgate gate release.",
    )
    IMPORT_STOPPED = (
        "import_stopped",
        "An operator quarantined all devices of the import that approved this one.",
        "Read the reason: fleetgate gate status. Release the import when the case is closed: fleetgate gate release.",
    )
    RETIRED = (
        "retired",
        "The device was retired for good.",
        "A retired serial number never comes back; look into who presents it.",
    )
    RESERVED_BY_ANOTHER_CERTIFICATE = (
        "reserved_by_another_certificate",
        "Another device certificate holds the live reservation of this serial number.",
        "The device may try again after ReservationTakeoverSeconds. Two devices at once mean a clone.",
    )
    TAKEOVER_LIMIT_REACHED = (
        "takeover_limit_reached",
        "The reservation was taken over as often as the stack permits.",
        "Find out why the device never finishes, then open a repair window: fleetgate device reopen.",
    )
    ALREADY_PROVISIONED = (
        "already_provisioned",
        "The device has its identity, and the stack does not let it come back through a claim certificate.",
        "If it was reset or repaired, open a repair window: fleetgate device reopen. Else treat it as a clone.",
    )
    REPROVISIONING_LIMIT_REACHED = (
        "reprovisioning_limit_reached",
        "The device came back through a claim certificate as often as the stack permits.",
        "Find out why it loses its identity, then open a repair window: fleetgate device reopen.",
    )
    ROTATION_NOT_ALLOWED = (
        "rotation_not_allowed",
        "The device asked for a new certificate with its own current one, which the stack does not allow.",
        "Set AllowRotation if devices are meant to rotate.",
    )


class AllowRule(Reason):
    """Which rule let a device in. Every allow names one."""

    FIRST_RESERVATION = (
        "first_reservation",
        "An approved device asked for the first time.",
        "Nothing to do.",
    )
    SAME_KEY = (
        "same_key",
        "The device asked with another certificate of the key that holds its unfinished reservation, or with which it "
        "was never seen.",
        "Nothing to do: it made its key once and asked again.",
    )
    SAME_CERTIFICATE_RETRY = (
        "same_certificate_retry",
        "The device certificate that holds the reservation asked again.",
        "Nothing to do: answers get lost.",
    )
    RESERVATION_TAKEOVER = (
        "reservation_takeover",
        "The same identity asked with a new device certificate after the reservation was left unfinished.",
        "Harmless after a power cut; a pattern of them is worth a look.",
    )
    REPROVISIONING = (
        "reprovisioning",
        "A provisioned device came back through a claim certificate, within the configured limit.",
        "Nothing to do if the device was reset.",
    )
    REPAIR_WINDOW = (
        "repair_window",
        "A provisioned device came back while an operator's repair window was open.",
        "Nothing to do if the device was repaired.",
    )
    ROTATION = (
        "rotation",
        "The device asked for a new certificate with its own current one.",
        "Nothing to do.",
    )


class FaultReason(Reason):
    """Why the gate could not judge. The device is denied, and the fault alarm says so."""

    NOT_A_HOOK_EVENT = (
        "not_a_hook_event",
        "The function was invoked with something that is not a pre-provisioning hook event.",
        "Find out who invoked it; only AWS IoT should.",
    )
    CONFIGURATION_INVALID = (
        "configuration_invalid",
        "An environment variable of the function is missing or cannot be read.",
        "Deploy the stack again; never edit the function's environment by hand.",
    )
    STORE_TIMEOUT = (
        "store_timeout",
        "DynamoDB did not answer in time.",
        "Check the AWS health page and the function's network; devices retry by themselves.",
    )
    STORE_THROTTLED = (
        "store_throttled",
        "DynamoDB throttled the call until the time was used up.",
        "Look for a hot partition or an account limit.",
    )
    STORE_ACCESS_DENIED = (
        "store_access_denied",
        "The function's role may not make a call that it needs.",
        "Deploy the stack again; look for a policy or key that was changed by hand.",
    )
    STORE_UNAVAILABLE = (
        "store_unavailable",
        "DynamoDB could not be reached, or failed the call.",
        "Check the AWS health page and that both tables exist.",
    )
    STORE_CONTENTION = (
        "store_contention",
        "Other writers kept changing the device entry while the gate judged it.",
        "Devices retry by themselves; look for a runaway import or script.",
    )
    CORRUPT_ITEM = (
        "corrupt_item",
        "An item in the allow-list table contradicts itself or cannot be read.",
        "Find who edited the table by hand and restore the item from point-in-time recovery.",
    )
    DROP_BOX_UNAVAILABLE = (
        "drop_box_unavailable",
        "S3 could not be reached, or did not give or take a file of the drop box.",
        "Check the AWS health page, and that the file and its version are still there.",
    )
    DROP_BOX_ACCESS_DENIED = (
        "drop_box_access_denied",
        "The function's role may not make a call to S3 that it needs.",
        "Deploy the stack again; look for a bucket policy or key that was changed by hand.",
    )
    ARCHIVE_UNAVAILABLE = (
        "archive_unavailable",
        "S3 or KMS could not be reached, or did not give or take a part of the audit's archive.",
        "Check the AWS health page, the archive's bucket and the state of the sealing key.",
    )
    ARCHIVE_ACCESS_DENIED = (
        "archive_access_denied",
        "A call to S3 or KMS that the audit's archive needs was not permitted.",
        "Deploy the stack again; look for a bucket policy or key policy that was changed by hand.",
    )
    SERVICE_UNAVAILABLE = (
        "service_unavailable",
        "EventBridge, Step Functions or AWS IoT could not be reached, or failed the call.",
        "Check the AWS health page and the role's permissions; it is tried again by itself.",
    )
    SECRET_UNAVAILABLE = (
        "secret_unavailable",
        "Secrets Manager did not give the secret that cursors are signed with.",
        "Check the AWS health page, that the secret is there, and that the role may read it.",
    )
    IMPORT_CUT_OFF = (
        "import_cut_off",
        "Every try to import the file was cut off, as where memory or time ran out.",
        "Look for the last lines of the importer's log; split the file, or look for what it holds that others do not.",
    )
    MAP_FAILED = (
        "map_failed",
        "So many batches of a long file failed that Step Functions gave up.",
        "Look at the failed batches of the map run, then deliver the same file again: what is in stays as it is.",
    )
    DEADLINE_EXCEEDED = (
        "deadline_exceeded",
        "The gate ran out of the time AWS IoT gives it.",
        "Check the latency of DynamoDB and the function's cold starts.",
    )
    UNEXPECTED = (
        "unexpected",
        "The gate failed in a way nobody foresaw.",
        "Read the log entry and file an issue with its exception type and location.",
    )
