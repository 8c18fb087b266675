"""``ecg prepare NAME``: a corpus or own recordings to a Store. One file and one line per corpus."""

from ecgtool.registry import Registry

PREPARE = Registry(
    "datasets",
    {
        "cinc2021": "ecgtool.commands.prepare.cinc2021:cinc2021",
        "folder": "ecgtool.commands.prepare.folder:folder",
        "ludb": "ecgtool.commands.prepare.ludb:ludb",
        "manifest": "ecgtool.commands.prepare.manifest:manifest",
        "mitdb": "ecgtool.commands.prepare.mitdb:mitdb",
        "ptbxl": "ecgtool.commands.prepare.ptbxl:ptbxl",
        "qtdb": "ecgtool.commands.prepare.qtdb:qtdb",
        "synthetic": "ecgtool.commands.prepare.synthetic:synthetic",
    },
    "Turn a corpus or a folder of recordings into a store that training reads.",
)
