"""Store: the two DynamoDB tables and the AWS services that several rooms use. Nobody else knows attribute names.

`tables` is the one way to ask: it binds the models when first asked, makes every failure a Fault (`faults`), and
writes a change and its audit record in one transaction.
`allow_list` reads entries, claim certificates and the switch; `allow_list_items` are the items.
`manufacturers` reads those that are registered, and has their items.
`audit_reader` is the one reader of audit records, and tells which count; `audit_items` is the item.
`announcements` is EventBridge; `certificates` is AWS IoT's certificates, and `thing_groups` its thing groups.
"""
