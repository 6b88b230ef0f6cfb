"""Imports: the lists that factories deliver, from the announcement to the rows of the allow-list.

`importer` takes the announcement of a file from the queue, and `run` imports that file:
`check` reads it to its end and holds it against the safety gates, before anything is written.
`account` reads it again, batch by batch, counts every row in one class and writes rejects.csv and changes.csv.
`apply` plans each row (`plan`) from what the tables hold and writes it (`store`), or only previews it.
`changes` says what a row changes of a known device, before and after.
`distribute` hands a long file to the state machine; `steps` is called for its batches, and `batches` does the work.
`announcement` is a message of the queue, and `deadline` the end of an invocation.
`identities` finds what a list names, for who takes an import back.
`journal` keeps the record of each import (`record`), its reports and its audit record, and announces how it ended.
`fences` reads what the manufacturer of a list may say; whose it is not is refused, and rows outside are rejected.
`documents` says how imports and rows look as JSON; `delivery` says whose a file is, by the folder it lies in.
`content` tells what kind of file was delivered, and converts a workbook once.
`options` is what a sender says about how to read a list.
`reading` makes sound rows of bytes; `store` asks the tables, the drop box and the state machine.
`collector` keeps Python from looking for garbage where there is none.
`settings` has what each function reads from its environment, once.
An operator approves an import or rolls it back in `fleetgate.operators`.
"""
