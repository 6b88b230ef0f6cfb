"""Store of the imports: what they ask of AWS, each change on a condition.

`drop_box` reads the files of the S3 bucket and writes reports; its queue announces a file once more.
`turns` limits how many files of one manufacturer are imported at once.
`records` keeps one record for each import and the rows of each manufacturer's day; `items` says how they are stored.
`rows` reads what the allow-list holds about a batch of rows, inserts new devices and replaces known ones.
`statements` words the insertions in PartiQL, since a million items through a model would take too long.
`map_runs` starts the state machine for a long file.
The tables themselves, their faults and the connection are those of `fleetgate.store`.
"""
