"""Reading: from the bytes of a factory's file to sound rows, and to rejected rows that say why.

`kinds` tells by the first bytes what a file is.
`workbook` converts a sheet of an Excel workbook to CSV: `workbook_parts` opens the file within bounds,
`workbook_sheets` reads its rows, `workbook_cells` and `workbook_formats` say what a cell shows.
`text` unpacks and decodes the file, in blocks of whole lines.
`csv_records` finds the delimiter, and splits the blocks into records.
`factory_file` makes batches of cells of them, or of JSON Lines; `columns` tells what each column means.
`headings` knows the headings of nine languages, whose words are in `heading_words`; they tell the encoding, too.
`unknown_cells` refuses a file where an unknown column has cells that restrict, which `restricting` recognises.
`validate` judges a batch: plain cells column by column, all others with the models of `row`.
`cells` takes off the marks that spreadsheets put around a text.
`damage` knows placeholders and what a spreadsheet made of a cell, `dates` reads days in all notations, `characters`
names what cannot be seen, and `fitting` makes attributes fit for AWS IoT; `notes` collects what was made of cells.
`duplicates` finds rows that share an identity: those that contradict each other are rejected, and identical ones count
once.
`factory_list` has the rows and the policy they are judged by; `errors` has every reason for a rejection.
`cells` reads what spreadsheets make of a cell, and writes cells that they leave alone.
Nothing here asks a table or a service, and no file is held in memory.
"""
