"""Sentences: the waves of a recording as words of a vocabulary, which a language model of ECGs reads."""
