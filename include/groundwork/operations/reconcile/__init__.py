"""Keeping projects true: observe by listing, compare, decide, repair, record.

`passes` runs a pass from beginning to end. `observation` and `looks` see what is there; `comparison` and
`decision` judge it without I/O; `repair` puts right, with the functions that the steps of a request use.
"""
