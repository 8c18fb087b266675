"""How well the signal-processing method finds the waves of LUDB: on the records over 100.

    python benchmarks/ludb_wavelet.py DIR

Its thresholds were chosen on the records up to 100, by whatever split those are of; ``ludb_waves.py`` compares methods
on the test split of the network instead.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ludb_waves import ours, show

from ecgtool.datasets.ludb import FS, LUDB

LAST_TUNED = 100


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    corpus = LUDB(arguments.parse_args().folder, FS)
    entries = [entry for entry in corpus.entries if int(entry.id) > LAST_TUNED]
    print(f"{len(entries)} recordings over {LAST_TUNED}")
    show("wavelet", ours("wavelet"), corpus, entries)


if __name__ == "__main__":
    main()
