"""Sentences: the waves of a lead as words of a vocabulary, one sentence per window.

A word is a P wave, a QRS complex, a T wave or the background between two of them; its name says which of the typical
shapes of its kind it is nearest to. :mod:`~ecgtool.sentences.words` divides a lead into them,
:mod:`~ecgtool.sentences.vocabulary` knows the shapes, :mod:`~ecgtool.sentences.clustering` finds these, and
:mod:`~ecgtool.sentences.stored` is where a store keeps its sentences.
"""
