"""One file per revision, in plain SQL. A released revision is never edited: the next one changes it."""
