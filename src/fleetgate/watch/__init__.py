"""Watch: finds serial-number enumeration and blocks the claim certificate it is done with; settles take-overs.

`watcher` takes batches of the audit table's stream and hands the new records on.
`takeover` deactivates the certificate that lost its reservation to another.
`denials` looks at each claim certificate that had denials which point at enumeration.
`store` asks the audit table who tried with that claim certificate, and what operators did about it.
`burst` counts distinct identities in a sliding window, without clock or network.
`misuse` looks for a device's certificate that asks for another device, and puts a notice under both.
`answer` blocks the claim certificate, announces the burst, and puts the notice on record.
`settings` reads window, threshold and policy.
No counter is kept: each batch is judged from the table and from itself, so it may come twice, late or in pieces.
"""
