"""Domain: rules and values that several rooms share. No clock, no randomness, no network, nothing imported outward.

`identifiers` has serial numbers and MAC addresses; `allow_list` a device's entry and what it can go through.
`claim` is a claim certificate, `gate_switch` the kill switch.
`audit` is the audit record, with the vocabulary of its kinds and actions; `operator_action` is who acts and why.
`reasons` says why a request was allowed, denied or not judged; `suspicion` what a denial points at.
`faults` and `refusals` are the exceptions; `documents` and `canonical_json` the shapes as JSON.
"""
