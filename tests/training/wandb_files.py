"""What W&B wrote offline: its files are records of protobuf in the log format of LevelDB.

A header of seven bytes, then blocks of 32 KiB holding pieces: checksum (4 bytes), length (2), kind (1: whole, 2: first,
3: middle, 4: last), data.
"""

import json
import struct

from wandb.proto.wandb_internal_pb2 import Record

BLOCK = 32768


def records(path):
    data, place, parts = path.read_bytes(), 7, b""
    while place + 7 <= len(data):
        left = BLOCK - place % BLOCK
        if left < 7:
            place += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, place)
        if not kind:
            return
        parts += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):
            yield Record.FromString(parts)
            parts = b""


def offline(run):
    """The offline files of a run, the oldest first."""
    return sorted(run.path.glob("wandb/offline-run-*/run-*.wandb"))


def epochs(path):
    """What each record of the history says."""
    rows = [record.history for record in records(path) if record.WhichOneof("record_type") == "history"]
    return [{(item.key or item.nested_key[0]): json.loads(item.value_json) for item in row.item} for row in rows]


def identity(path):
    """The id, project and configuration that a file was opened with."""
    run = next(record.run for record in records(path) if record.WhichOneof("record_type") == "run")
    config = {item.key: json.loads(item.value_json) for item in run.config.update}
    return run.run_id, run.project, config


def summary(path):
    """The last value of everything summed up."""
    found = {}
    for record in records(path):
        if record.WhichOneof("record_type") == "summary":
            found |= {(item.key or item.nested_key[0]): json.loads(item.value_json) for item in record.summary.update}
    return found
