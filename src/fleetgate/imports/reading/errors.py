"""The errors of a factory's file and of its rows: stable codes, each with a sentence and a remedy."""

from fleetgate.domain.reasons import Reason


class RowError(Reason):
    """Why a row was rejected. The other rows of the file are applied."""

    SERIAL_NUMBER_MISSING = (
        "serial_number_missing",
        "The row has no serial number.",
        "Fill in the serial number.",
    )
    SERIAL_NUMBER_INVALID = (
        "serial_number_invalid",
        "The serial number makes no thing name of this stack, or does not match the configured pattern.",
        "Compare it with the label, and the label with the stack's SerialNumberPattern and ClaimClientIdPrefix.",
    )
    MAC_ADDRESS_MISSING = (
        "mac_address_missing",
        "The stack requires a MAC address, and the row has none.",
        "Fill in the MAC address.",
    )
    MAC_ADDRESS_INVALID = (
        "mac_address_invalid",
        "The MAC address is not an EUI-48 or EUI-64 that a single device can own.",
        "Compare it with the label; leading zeros get lost where a spreadsheet takes it for a number.",
    )
    MAC_ADDRESS_LOCALLY_ADMINISTERED = (
        "mac_address_locally_administered",
        "The MAC address is locally administered, so anybody may have made it up.",
        "Deliver the address that the vendor assigned.",
    )
    TOO_MANY_MAC_ADDRESSES = (
        "too_many_mac_addresses",
        "The row has more MAC addresses than one device can have.",
        "Leave out those that the device does not present.",
    )
    SCIENTIFIC_NOTATION = (
        "scientific_notation",
        "A spreadsheet turned the cell into a rounded number such as 1.23457E+11; its digits are lost.",
        "Export the list again from its source, with the column formatted as text.",
    )
    OPERATION_UNKNOWN = (
        "operation_unknown",
        "The operation is neither approve nor revoke.",
        "Write approve or revoke, or leave the cell empty for approve.",
    )
    DATE_INVALID = (
        "date_invalid",
        "A date cannot be read, or could mean two days.",
        "Write it as 2026-01-31, or with a time and its zone as 2026-01-31T08:00:00Z.",
    )
    VALIDITY_EMPTY = (
        "validity_empty",
        "The approval would end before it starts.",
        "Correct the dates; the end is exclusive.",
    )
    TEMPLATE_INVALID = (
        "template_invalid",
        "The row names something that is not a provisioning template of this stack.",
        "Correct the name, or leave the cell empty for all templates.",
    )
    ATTRIBUTE_INVALID = (
        "attribute_invalid",
        "An attribute cannot be an AWS IoT thing attribute, which knows no spaces and few special characters.",
        "Use letters, digits and _ . , @ / : # - only, at most 800.",
    )
    ATTRIBUTE_RESERVED = (
        "attribute_reserved",
        "The row sets an attribute that only the gate or AWS IoT may set.",
        "Take the column away, or rename it.",
    )
    THING_GROUP_NOT_ALLOWED = (
        "thing_group_not_allowed",
        "The row names a thing group that this stack does not serve.",
        "Correct the name, leave the cell empty for the stack's own group, or have it added to AllowedThingGroups.",
    )
    THING_GROUP_MISSING = (
        "thing_group_missing",
        "The row names a thing group that AWS IoT does not have, so its device could never register.",
        "Have the group made, or leave the cell empty for the stack's own group.",
    )
    PUBLIC_KEY_INVALID = (
        "public_key_invalid",
        "The public key cannot be read.",
        "Write the key or a signing request as PEM or as the Base64 of its DER encoding, or its SHA-256 fingerprint.",
    )
    COLUMN_AMBIGUOUS = (
        "column_ambiguous",
        "The row says the same thing under two names.",
        "Keep one of the two.",
    )
    TOO_MANY_FIELDS = (
        "too_many_fields",
        "The row has more fields than the file has columns.",
        "Look for a separator in a cell that is not quoted.",
    )
    TOO_FEW_FIELDS = (
        "too_few_fields",
        "The row has fewer fields than the file has columns, as where it was cut off.",
        "Complete the row; empty cells need their separators too.",
    )
    QUOTING_INVALID = (
        "quoting_invalid",
        "A quotation mark is never closed, or text follows a closing one.",
        "Close the quotation, or double a mark that belongs to the text.",
    )
    ROW_TOO_LONG = (
        "row_too_long",
        "The row is longer than any row needs to be, and was cut.",
        "Look for a missing line end or a quotation mark that is not closed.",
    )
    NOT_DECODABLE = (
        "not_decodable",
        "The row has bytes that are no text in the encoding of the rest of the file.",
        "Export the list again as UTF-8.",
    )
    ROW_NOT_AN_OBJECT = (
        "row_not_an_object",
        "The line is not a JSON object.",
        "Write one JSON object a line, complete and on one line.",
    )
    FIELD_NOT_TEXT = (
        "field_not_text",
        "A JSON value is neither text nor null.",
        "Write it in quotation marks: numbers lose leading zeros.",
    )
    DUPLICATE_SERIAL_NUMBER = (
        "duplicate_serial_number",
        "Another row of the file has the same serial number.",
        "Find out which of the two rows is right.",
    )
    DUPLICATE_MAC_ADDRESS = (
        "duplicate_mac_address",
        "Another row of the file has the same MAC address.",
        "Compare the labels of both devices.",
    )
    DUPLICATE_PUBLIC_KEY = (
        "duplicate_public_key",
        "Another row of the file has the same public key.",
        "Read the keys of both devices again; each device has its own.",
    )


class FileError(Reason):
    """Why a whole file was refused. No row of it is applied."""

    EMPTY = (
        "empty_file",
        "The file holds nothing.",
        "Look at the export that wrote it.",
    )
    NOT_TEXT = (
        "not_text",
        "The file is neither CSV nor JSON Lines, but something binary.",
        "Export the list as CSV, or upload a workbook with fleetgate import upload.",
    )
    GZIP_DAMAGED = (
        "gzip_damaged",
        "The file is compressed with gzip and cannot be unpacked to its end.",
        "Upload it again; it may have been cut off.",
    )
    HEADER_UNREADABLE = (
        "header_unreadable",
        "The header line cannot be read.",
        "Write the names of the columns into the first line, as UTF-8.",
    )
    SERIAL_NUMBER_COLUMN_MISSING = (
        "serial_number_column_missing",
        "No column is named as the one with the serial numbers.",
        "Name it Serial Number, in the first line of the file.",
    )
    COLUMN_AMBIGUOUS = (
        "column_ambiguous",
        "Two columns mean the same thing.",
        "Keep one of the two.",
    )
    OPTIONS_UNREADABLE = (
        "options_unreadable",
        "The metadata that say how to read the file cannot be read.",
        "Upload it with fleetgate import upload, or without the metadata fleetgate-reading.",
    )
    NO_ROWS = (
        "no_rows",
        "The file has a header and no row.",
        "Look at the export that wrote it.",
    )
    TOO_MANY_ROWS = (
        "too_many_rows",
        "The file has more rows than one file may have.",
        "SplitRecords it, or have the limit raised.",
    )
    TOO_MANY_ROWS_TODAY = (
        "too_many_rows_today",
        "The manufacturer would deliver more rows than it may in one day.",
        "Deliver the file tomorrow, or have the limit raised.",
    )
    NO_MANUFACTURER = (
        "no_manufacturer",
        "The file lies outside every manufacturer's folder, so nobody can answer for it.",
        "Put it into incoming/<manufacturer>/ or dry-run/<manufacturer>/.",
    )
    NAME_ENDS_WITH_SLASH = (
        "name_ends_with_slash",
        "The name of the file ends in a slash, so it is taken for a folder.",
        "Give the file a name, such as line4.csv.",
    )
    TOO_SLOW = (
        "too_slow",
        "Reading the file took too long.",
        "Split it into several files.",
    )
    NOTHING_IMPORTED = (
        "nothing_imported",
        "Not one row of the file could be taken.",
        "Look at the reasons in the rejects, correct them and deliver them.",
    )
    TOO_MANY_REJECTED = (
        "too_many_rejected",
        "So many rows are wrong that it is probably the wrong file, so nothing was taken from it.",
        "Look at the first rejected rows and deliver a corrected file.",
    )


class UnreadableFile(Exception):
    """A file that is refused as a whole; the message says what was found and what was expected."""

    def __init__(self, code: FileError, detail: str = "") -> None:
        super().__init__(" ".join(filter(None, (code.meaning, detail, code.remedy))))
        self.code = code
