"""`fleetgate doctor`: what it looks at, and how it shows what it found.

`checks` goes through all parts; `gate`, `archive`, `alarms` and `quotas` are the parts; `deployed` is the stack that
they ask about; `line` is what each of them says; `view` shows the lines. It reads only.
"""
