"""Corpora: what each published collection of recordings holds and how its labels are read."""
