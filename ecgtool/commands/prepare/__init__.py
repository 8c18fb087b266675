"""``ecg prepare NAME``: a corpus or own recordings to a Store. One file and one line per corpus."""

from ecgtool.registry import Registry

PREPARE = Registry(
    "datasets",
    {
        "cinc2021": "ecgtool.commands.prepare.cinc2021:cinc2021",
        "folder": "ecgtool.commands.prepare.folder:folder",
        "manifest": "ecgtool.commands.prepare.manifest:manifest",
        "ptbxl": "ecgtool.commands.prepare.ptbxl:ptbxl",
        "synthetic": "ecgtool.commands.prepare.synthetic:synthetic",
    },
    "Turn a corpus or a folder of recordings into a store that training reads.",
)
