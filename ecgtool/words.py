"""Words: what a sentence of waves is made of, as numbers."""

from __future__ import annotations

SPECIAL = ("PAD", "CLS", "SEP", "MASK")
"""What is no wave, by number: padding, the beginning and the end of a sentence, and a word that is hidden."""
PAD, CLS, SEP, MASK = range(len(SPECIAL))
FIRST_WORD = len(SPECIAL)
"""The number of the first word that stands for a wave; labels of words are their numbers less this."""

TOKEN_COLUMNS = ("id", "onset", "end", "lead")
"""What tells a word: its number in the vocabulary, its first sample in the window and the one after its last, its lead.

Special words span nothing.
"""
