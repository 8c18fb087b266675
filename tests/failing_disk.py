"""A disk that fails: at the n-th access that changes it, with an error of choice."""

import io
import os
from pathlib import Path


class FailingDisk:
    """Fails at the n-th access that changes the disk: opening for writing, writing, flushing, renaming, mkdir."""

    def __init__(self, monkeypatch, number, code):
        self.left, self.code = number, code
        for owner, name in ((os, "fsync"), (os, "fchmod"), (Path, "rename"), (Path, "replace"), (Path, "mkdir")):
            monkeypatch.setattr(owner, name, self._counted(getattr(owner, name)))
        monkeypatch.setattr(Path, "open", self._opened(Path.open))

    def count(self):
        self.left -= 1
        if self.left == 0:
            raise OSError(self.code, os.strerror(self.code))

    def _counted(self, real):
        def call(*arguments, **options):
            self.count()
            return real(*arguments, **options)

        return call

    def _opened(self, real):
        count = self.count

        class Raw(io.FileIO):
            def write(self, data):
                count()
                return super().write(data)

        def call(path, mode="r", *arguments, **options):
            if mode not in ("wb", "ab", "r+b"):
                return real(path, mode, *arguments, **options)
            count()
            raw = Raw(path, mode)
            return io.BufferedRandom(raw) if mode == "r+b" else io.BufferedWriter(raw)

        return call
