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
        "Compare it with the label, and type it anew. If both are the same, ask your operator, who sets "
        "SerialNumberPattern and ClaimClientIdPrefix.",
    )
    SERIAL_NUMBER_PLACEHOLDER = (
        "serial_number_placeholder",
        "The cell has a placeholder instead of a serial number.",
        "Fill in the serial number, or delete the row if it is no device.",
    )
    SERIAL_NUMBER_OF_ANOTHER_RANGE = (
        "serial_number_of_another_range",
        "The serial number is not one of those that this manufacturer may list.",
        "Compare it with the label; if it is right, have its pattern added to the manufacturer's profile.",
    )
    MAC_ADDRESS_MISSING = (
        "mac_address_missing",
        "The stack requires a MAC address, and the row has none.",
        "Fill in the MAC address.",
    )
    MAC_ADDRESS_INVALID = (
        "mac_address_invalid",
        "The MAC address is not an EUI-48 or EUI-64 that a single device can own.",
        "Compare it with the label, and write 6 or 8 octets with : - _ or one space between them "
        "(00:1b:44:11:3a:b7), as 001b.4411.3ab7, or as 001b44113ab7. Between two addresses of a cell write ; , | or a "
        "space.",
    )
    MAC_ADDRESS_PLACEHOLDER = (
        "mac_address_placeholder",
        "The cell has a placeholder instead of a MAC address.",
        "Fill in the MAC address, or leave the cell empty if the device has no such interface.",
    )
    MAC_ADDRESS_LOCALLY_ADMINISTERED = (
        "mac_address_locally_administered",
        "The MAC address is locally administered, so anybody may have made it up.",
        "Deliver the address that the vendor assigned.",
    )
    MAC_ADDRESS_OF_ANOTHER_VENDOR = (
        "mac_address_of_another_vendor",
        "The MAC address is not one of those that this manufacturer may list.",
        "Compare it with the label; if it is right, have its first digits added to the manufacturer's profile.",
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
    SPREADSHEET_DAMAGE = (
        "spreadsheet_damage",
        "A spreadsheet took the cell for something else and changed it; what it held is lost.",
        "Format the column as text, and enter the value again from its source.",
    )
    OPERATION_UNKNOWN = (
        "operation_unknown",
        "The operation does not exist.",
        "Correct the word, or leave the cell empty for approve.",
    )
    DATE_INVALID = (
        "date_invalid",
        "A date cannot be read, or could mean two days.",
        "Write it as 2026-01-31, or with a time and its zone as 2026-01-31T08:00:00Z; an empty cell sets no limit.",
    )
    APPROVAL_OVER = (
        "approval_over",
        "The approval was over before the list was delivered.",
        "Correct the date on which it ends, or delete the row.",
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
    TEMPLATE_OF_OTHERS = (
        "template_of_others",
        "The row names a provisioning template that this manufacturer may not name.",
        "Correct the name, leave the cell empty, or have the template added to the manufacturer's profile.",
    )
    ATTRIBUTE_INVALID = (
        "attribute_invalid",
        "The name of an attribute cannot be that of an AWS IoT thing attribute.",
        "Use letters, digits and _ . , @ / : # - only in the heading, at most 128.",
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
    THING_GROUP_OF_OTHERS = (
        "thing_group_of_others",
        "The row names a thing group that this manufacturer may not name.",
        "Correct the name, leave the cell empty for the stack's own group, or have the group added to the "
        "manufacturer's profile.",
    )
    PUBLIC_KEY_INVALID = (
        "public_key_invalid",
        "The public key cannot be read.",
        "Write the key or a signing request as PEM or as the Base64 of its DER encoding, or its SHA-256 fingerprint.",
    )
    WORKBOOK_CELL_UNCLEAR = (
        "workbook_cell_unclear",
        "The workbook does not say what the cell is meant to hold.",
        "Format the column as text, and enter the cell as it has to read.",
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
    NUL_BYTE = (
        "nul_byte",
        "The line has a NUL byte, which is no character.",
        "Write the line again, or export the list again.",
    )
    HEADING_AGAIN = (
        "heading_again",
        "This is the heading again, and no device.",
        "Take the line away; the other rows do not depend on it.",
    )
    TOTAL_LINE = (
        "total_line",
        "This is a total or the footer of a report, and no device.",
        "Take the line away; the other rows do not depend on it.",
    )
    RULE_LINE = (
        "rule_line",
        "This only draws a line between others, and is no device.",
        "Take the line away; the other rows do not depend on it.",
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
        "Another row of the file has the same serial number, and differs in something else.",
        "Find out which of the rows is right, and delete the others.",
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
        "Export the list as CSV, or save it as an Excel Workbook (.xlsx).",
    )
    FILE_KIND = (
        "file_kind",
        "The file is not a list.",
        "Deliver the list as CSV, JSON Lines or an Excel Workbook (.xlsx).",
    )
    SPREADSHEET_KIND = (
        "spreadsheet_kind",
        "The file is a spreadsheet of a kind that is not read.",
        "Open it in a spreadsheet program, save it as an Excel Workbook (.xlsx) or as CSV UTF-8, and deliver that.",
    )
    PACKED = (
        "packed",
        "The file is not a list, but something that holds files.",
        "Unpack it, and deliver the list itself. Only a CSV or JSON Lines file may be compressed, with gzip.",
    )
    WORKBOOK_MISNAMED = (
        "workbook_misnamed",
        "The file is an Excel workbook, and its name does not say so.",
        "Rename it so that its name ends in .xlsx, or save the list as CSV UTF-8.",
    )
    WORKBOOK_ENCRYPTED = (
        "workbook_encrypted",
        "The workbook is protected with a password.",
        "Open it in Excel, save it without a password, and deliver that.",
    )
    WORKBOOK_DAMAGED = (
        "workbook_damaged",
        "The workbook cannot be read; it may have been cut off.",
        "Open it in Excel and save it as an Excel Workbook (.xlsx), or save the sheet as CSV UTF-8.",
    )
    WORKBOOK_TOO_LARGE = (
        "workbook_too_large",
        "The workbook unpacks to more than a list of devices needs.",
        "Split the list, or save the sheet as CSV UTF-8 and deliver that.",
    )
    WORKBOOK_SHEET_UNCLEAR = (
        "workbook_sheet_unclear",
        "It is not clear which sheet of the workbook is the list.",
        "Name the sheet: fleetgate import upload --sheet NAME. Or deliver a workbook that has only that sheet.",
    )
    WORKBOOK_HIDDEN_CELLS = (
        "workbook_hidden_cells",
        "The sheet has cells that are hidden and hold something.",
        "Show them, or delete them. Or upload the workbook with fleetgate import upload: --visible-only leaves them "
        "out, --include-hidden takes them.",
    )
    WORKBOOK_MERGED_CELLS = (
        "workbook_merged_cells",
        "The sheet has merged cells that cannot be understood.",
        "Unmerge them, and fill in every row.",
    )
    PACKED_TWICE = (
        "packed_twice",
        "The file is compressed with gzip twice.",
        "Unpack it once, and deliver what comes out.",
    )
    TOO_MANY_BYTES = (
        "too_many_bytes",
        "The file holds more than its rows can need, when it is unpacked.",
        "Split it, and leave out columns that are not about devices.",
    )
    TOO_MANY_LINES = (
        "too_many_lines",
        "The file has more lines than its rows can need.",
        "Take blank lines away, or split the file.",
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
    HEADING_NOT_FIRST = (
        "heading_not_first",
        "The heading is not the first line of the file.",
        "Take away what stands above it.",
    )
    HEADING_CHANGES = (
        "heading_changes",
        "The file has a second heading with other columns, so the rows below mean something else.",
        "Deliver each table as a file of its own.",
    )
    JSON_NOT_LINES = (
        "json_not_lines",
        "The file is JSON, and not one object a line.",
        "Write each device as one object on a line of its own, without brackets and commas around them.",
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
    COLUMN_UNKNOWN = (
        "column_unknown",
        "A column that may restrict what is allowed is not known, so it could not be left out.",
        "Rename it, or say what it is.",
    )
    MAPPING_INVALID = (
        "mapping_invalid",
        "What was said about the columns does not fit the file.",
        "Correct --map, or the columns of the manufacturer.",
    )
    MAC_COLUMN_MISSING = (
        "mac_column_missing",
        "The stack requires MAC addresses, and no column is named as the one with them.",
        "Name it MAC Address, or MAC.",
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
    UNKNOWN_MANUFACTURER = (
        "unknown_manufacturer",
        "No manufacturer of this name is registered.",
        "Deliver the file under the right name, or have the manufacturer registered: fleetgate manufacturer add.",
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
