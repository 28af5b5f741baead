"""`make bench-verdicts`: whose pages are false, whose come late, on streams that other people made."""
