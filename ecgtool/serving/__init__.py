"""Serving: a bundle and recordings in, probabilities out."""
