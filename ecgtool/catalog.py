"""Catalog: the models of this machine, ``NAME@VERSION`` -> bundle, metrics, aliases, lineage."""

from __future__ import annotations

from ecgtool.bundle import Bundle, BundleManifest, write_bundle

__all__ = ["Bundle", "BundleManifest", "write_bundle"]
