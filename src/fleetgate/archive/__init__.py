"""Archive: keeps, seals and proves audit records.

`archiver` takes batches of the audit table's stream; `records` puts new records into arrived/ and any change of a
record into anomalies/, packed by `packed_lines`.
`sealer` runs every hour; `seal` writes the hour's records once each, in order, and a signed digest.
`digest` says where objects lie and what a digest holds; `findings` says what can be wrong.
`verify` checks signatures, chain, objects and the audit table; `verify_hour` checks one hour.
`missing` archives records that never arrived; `audit_lines` reads the table as the archive would keep it.
`prove` says of single records whether a sealed object holds them.
`store` is the bucket and the sealing key; `settings` reads the environment.
Only the archiver's and the sealer's role may write, each its folders; nobody may remove.
"""
