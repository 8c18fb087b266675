"""One file per subcommand: an arrow between nouns.

A command parses options, calls one library function and returns a :class:`ecgtool.console.Result`. Heavy imports sit
inside the function, so that ``ecg --help`` is instant. Adding one is one file and one line here; a line may also name
a :class:`ecgtool.registry.Registry` of subcommands.
"""

from ecgtool.registry import Registry

COMMANDS = Registry(
    "commands",
    {
        "download": "ecgtool.commands.download:download",
        "convert-serial": "ecgtool.commands.convert_serial:convert_serial",
        "prepare": "ecgtool.commands.prepare:PREPARE",
        "segment": "ecgtool.commands.segment:segment",
        "sentences": "ecgtool.commands.sentences:sentences",
        "train": "ecgtool.commands.train:train",
        "evaluate": "ecgtool.commands.evaluate:evaluate",
        "export": "ecgtool.commands.export:export",
        "register": "ecgtool.commands.register:register",
        "models": "ecgtool.commands.models:MODELS",
        "predict": "ecgtool.commands.predict:predict",
        "plot": "ecgtool.commands.plot:plot",
        "info": "ecgtool.commands.info:info",
        "deidentify": "ecgtool.commands.deidentify:deidentify",
    },
    "From a raw electrocardiogram to a served model. Research software: not a medical device; not for diagnosis.",
)
