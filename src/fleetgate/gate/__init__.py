"""The gate: judges one RegisterThing request.

`hook` parses the event, calls `register_thing` and renders the answer; settings and store are built once.
`deadline` ends the work in time, by a timer of the operating system.
`register_thing` goes from the facts to the decision to its commit, and again if the facts changed in between.
`request` reads which device the request presents; what is wrong with it is a denial before anything is looked up.
`store` finds the entry, the claim certificate and the switch in one BatchGetItem, and commits an allow with its audit
record in one transaction; a denial is one PutItem.
`decision` says Allowed or Denied, without clock, network or library; `policy` holds what the operator configured.
`settings` reads the environment, once.
A decision takes two calls to DynamoDB. This room imports no other room, no boto3 and no pydantic: a cold start is paid
out of the five seconds that AWS IoT waits.
"""
