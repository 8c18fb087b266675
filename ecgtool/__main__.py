"""``python -m ecgtool`` is ``ecg``."""

from ecgtool.cli import main

main()
