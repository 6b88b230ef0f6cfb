"""Operators: what people do to devices, claim certificates and the switch, by command and over HTTP.

`approve`, `approve_import` and `roll_back` put devices on the allow-list and take them off it.
`devices` quarantines, releases, reopens and retires one device.
`claims` registers, blocks and releases a claim certificate.
`manufacturers` registers manufacturers and changes their profiles, which fence the lists that they deliver.
`switch` stops and starts the gate, a manufacturer or an import.
`stops` is the one way of every stop: it is written, waits for what was judged before, and deactivates what was let in
meanwhile; `stop_store` finds that in the audit table.
`certificates` deactivates in AWS IoT what a stop covers, ends the live session, and activates it again;
`many_certificates` does so for many devices, and `issued_certificates` for all that goes back to one claim certificate.
`device_store`, `claim_store`, `manufacturer_store`, `switch_store` and `key_store` write each change and its audit
record in one transaction.
`kept` says which devices stay when an import is rolled back.
`tally` counts how certificates ended; `documents` says how results look as JSON.
What could not be done is named, and all of it may be repeated.
"""
