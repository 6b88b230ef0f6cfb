"""Reading: from the bytes of a factory's file to sound rows, and to rejected rows that say why.

`text` unpacks and decodes the file, in blocks of whole lines.
`csv_records` finds the delimiter, and splits the blocks into records.
`factory_file` makes batches of cells of them, or of JSON Lines; `columns` tells what each heading means.
`validate` judges a batch: plain cells column by column, all others with the models of `row`.
`duplicates` finds the identities that a file has twice, and rejects their rows.
`factory_list` has the rows and the policy they are judged by; `errors` has every reason for a rejection.
`cells` reads what spreadsheets make of a cell, and writes cells that they leave alone.
Nothing here asks a table or a service, and no file is held in memory.
"""
