"""Trail: queries to the audit records, exports, and the story of a device. It writes nothing but who asked.

`query` says which records are asked for; `store` reads a bounded page of them, newest first; `read` goes through pages.
`note_query` puts a query on record before it is answered.
`export` writes records as CSV or JSON Lines.
`device_story` gathers entry, records, imports, claim certificates and switch of one device; `story` is the rule, and
`documents` says how it looks as JSON.
`inspect_device` and `inspect_switch` are the short answers: one device, and what is stopped as a whole; `records` has
the records filed under one subject.
The key of a query is the device, else the device certificate, else the claim certificate, else the UTC day.
"""
