"""Outcomes: what happened after an allow decision.

`recorder` takes AWS IoT's registry events, presence events and log entries; `outcome_events` reads outcomes from them.
`note` writes each outcome to the device entry and the audit trail, once however often it comes; `outcome` is the rule.
`reconciler` runs every 15 minutes; `turns` gives each of its sweeps a share of the time.
`gate_check` checks that AWS IoT still asks the gate as deployed; `iot_gate` asks AWS, `attachment` is the rule.
`reservations` completes or releases reservations that ran out, by what AWS IoT says of the certificate.
`superseded` deactivates certificates that a later one replaced; `supersession` is the rule.
`things` records things that no decision stands behind; `iot_things` lists them.
`sweep` goes through the audit trail bit by bit; `sweep_store` remembers how far.
`registry_events` has AWS IoT publish registry events; `store` asks the tables; `settings` reads the environment.
Only a connection with the reserved certificate makes a device provisioned.
"""
