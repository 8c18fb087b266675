"""Architectures: one table of names; see ``contract.py`` for what each promises."""

from ecgtool.registry import Registry

ARCHITECTURES = Registry(
    "architectures",
    {
        "beat-cnn": "ecgtool.models.beat_cnn:BEAT_CNN",
        "cnn1d": "ecgtool.models.cnn1d:CNN1D",
        "ecgbert": "ecgtool.models.ecgbert:ECGBERT_PUBLISHED",
        "ecgbert-small": "ecgtool.models.ecgbert:ECGBERT_SMALL",
        "unet1d": "ecgtool.models.unet1d:UNET1D",
        "xlstm": "ecgtool.models.xlstm:XLSTM",
        "xlstm-large": "ecgtool.models.xlstm:XLSTM_LARGE",
        "xresnet1d": "ecgtool.models.xresnet1d:XRESNET1D",
        "xresnet1d50": "ecgtool.models.xresnet1d:XRESNET1D50",
        "xresnet1d101": "ecgtool.models.xresnet1d:XRESNET1D101",
    },
)
