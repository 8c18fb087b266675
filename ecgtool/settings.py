"""Settings: what decides a run, in sections; their descriptions are the documentation.

How the values of a section come together is :mod:`ecgtool.config`'s.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator


class Section(BaseModel):
    """A group of options; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Preprocessing(Section):
    """What is done to a record before a model sees it; kept with the store and the bundle, applied by ``predict`` too.

    The steps in order: pick the leads (with ``missing="mask"``, imputing those that are not there), fill invalid
    samples, filter, resample to ``fs``, crop (``fit="centre"``), remove the offset (the median of each lead),
    normalise, pad. A field that a document does not state has its default here, which is what was done before there
    was such a field.
    """

    fs: float = Field(description="Sampling rate of the result in Hz.", ge=1, le=100_000)
    highpass: float | None = Field(None, description="High-pass edge in Hz.", gt=0)
    highpass_filter: Literal["butterworth", "fir"] = Field(
        "butterworth",
        description="The high-pass: a Butterworth forwards and backwards (-6 dB at its edge), or a linear-phase FIR"
        " (-3 dB).",
    )
    lowpass: float | None = Field(None, description="Zero-phase low-pass edge in Hz.", gt=0)
    notch: float | None = Field(None, description="Mains frequency to take out, in Hz.", gt=0)
    baseline: Literal["none", "median", "highpass"] = Field("none", description="Baseline-wander removal.")
    normalise: Literal["none", "zscore", "peak"] = Field("none", description="Scaling of each lead of each item.")
    fit: Literal["refuse", "centre"] = Field(
        "refuse",
        description="Recordings of another length than an item: windows or the beginning of a longer one and no"
        " shorter one, or the middle of a longer one and a shorter one between zeros.",
    )
    missing: Literal["refuse", "mask"] = Field(
        "refuse",
        description="Recordings that lack leads: none, or leads imputed from their neighbours and a further channel,"
        " 'mask', that says where all leads were recorded.",
    )
    stand_in: bool = Field(
        False, description="Whether a modified lead (MLII, MCL1) serves for a standard one (II, V1) that is missing."
    )


class BeatConfig(Section):
    """What a model that reads heartbeats is shown of each; kept with the run and the bundle."""

    before_s: float = Field(0.9, description="Signal before the R peak, in seconds.", gt=0, le=10)
    after_s: float = Field(0.9, description="Signal after the R peak, in seconds.", gt=0, le=10)
    features: tuple[str, ...] = Field(
        ("previous", "next", "local", "ratio"), description="RR-interval features, by name; they are tabular inputs."
    )
    shapes: bool = Field(
        False, description="Tell how each beat differs from the recording's usual one as well, as tabular inputs."
    )


class DataConfig(Section):
    """Which data a run learns from, and how the store must have been prepared."""

    dataset: str = Field("", description="A store's name or path.")
    task: str = Field("", description="One of the store's tasks; may be left out where the store holds one.")
    highpass: float | None = Field(None, description="The high-pass edge the store must have been prepared with.")
    lowpass: float | None = Field(None, description="The low-pass edge the store must have been prepared with.")
    normalise: Literal["lead", "none"] = Field(
        "lead", description="z-score per lead with statistics of the training items."
    )
    leads: tuple[str, ...] = Field((), description="The leads the store must hold, in this order; any when empty.")
    leads_law: bool = Field(True, description="Refuse limb leads that do not follow from each other (I + III = II).")
    tabular: bool = Field(True, description="Give the model the store's tabular inputs (age, sex).")
    beats: BeatConfig = Field(default_factory=lambda: BeatConfig(), description="What belongs to a heartbeat.")
    limit: int | None = Field(None, description="Use at most this many items of each split, for a quick try.", ge=1)
    shuffle_labels: bool = Field(
        False,
        description="Permute the labels of training and validation: the sanity check that must score 0.5 on test.",
    )
    folds: int | None = Field(
        None,
        description="Divide the training and validation items anew into so many parts; an ensemble of as many members,"
        " each validated on one of them, unless 'fold' names one.",
        ge=2,
        le=100,
    )
    fold: int | None = Field(None, description="The part, from 1 on, that a single run is validated on.", ge=1)
    fold_seed: int = Field(42, description="Decides who is in which part.", ge=0, lt=2**63)

    @model_validator(mode="after")
    def _fold_is_one_of_them(self) -> Self:
        if self.fold is not None and self.folds is None:
            raise ValueError(f"fold {self.fold} is asked for, and no folds are made; say how many, data.folds")
        if self.fold is not None and self.fold > (self.folds or 0):
            raise ValueError(f"fold {self.fold} is none of the {self.folds} folds")
        return self


class TrainingConfig(Section):
    """How a model is fitted."""

    model_config = ConfigDict(allow_inf_nan=False)

    epochs: int = Field(30, description="Passes over the training items, at most.", ge=1)
    batch: int = Field(32, description="Items per batch, all devices together.", ge=1)
    lr: float = Field(1e-3, description="Peak learning rate.", gt=0)
    weight_decay: float = Field(1e-2, description="Decoupled weight decay.", ge=0)
    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    scheduler: Literal["onecycle", "cosine", "plateau", "polynomial", "constant"] = "onecycle"
    warmup: float = Field(
        0.1, description="Share of the steps over which the rate rises (cosine, polynomial).", ge=0, lt=1
    )
    plateau_patience: int = Field(
        3, description="Epochs without a better val_metric after which plateau lowers the rate.", ge=1
    )
    plateau_factor: float = Field(0.5, description="What plateau multiplies the rate by.", gt=0, lt=1)
    loss: Literal["auto", "bce", "ce", "focal"] = Field("auto", description="auto follows from the task.")
    focal_gamma: float = Field(
        2.0, description="Exponent of focal, by whose power easy items fade (Lin et al. 2017, arXiv:1708.02002).", ge=0
    )
    label_smoothing: float = Field(
        0.0,
        description="Share of each target spread over all labels in ce, over yes and no in bce (Szegedy et al. 2016,"
        " arXiv:1512.00567).",
        ge=0,
        lt=1,
    )
    class_weights: Literal["none", "balanced"] | tuple[float, ...] = Field(
        "none",
        description="Weight of each label in the loss (of its positives in bce and focal): given, or balanced from"
        " the training items.",
    )
    val_metric: str = Field("", description="The metric that picks the best epoch; the task's own when empty.")
    crop_s: Annotated[float, Field(gt=0)] | Literal["auto"] | None = Field(
        None,
        description="Seconds of the crops the model reads: a random one of each item in training; auto: 10, of items"
        " that are longer.",
    )
    crops: int | None = Field(
        None,
        description="Evenly spread crops of an item whose logits are averaged, in validation and ever after; as many"
        " as overlap by half when empty.",
        ge=1,
    )
    early_stop: int | None = Field(None, description="Stop after this many epochs without a better val_metric.", ge=1)
    accumulate: int = Field(1, description="Batches per optimiser step.", ge=1)
    clip: float = Field(1.0, description="Largest norm of the gradient; 0 switches clipping off.", ge=0)
    precision: Annotated[Literal["auto", "32", "bf16", "16"], BeforeValidator(str)] = Field(
        "auto", description="auto: bf16 on CUDA where it can, else 32."
    )
    oversample: Literal["none", "balanced"] = Field(
        "none",
        description="balanced draws items the more often the rarer their rarest label is; an epoch keeps its length.",
    )
    mixup: float = Field(
        0.0,
        description="Blend pairs of training items and their targets, by a share from Beta(mixup, mixup); 0 switches it"
        " off (Zhang et al. 2018, arXiv:1710.09412).",
        ge=0,
    )
    curriculum: Literal["none", "quality", "loss"] = Field(
        "none",
        description="Easy items first: the cleanest signals, or those of least loss (Bengio et al. 2009; Kumar, Packer"
        " and Koller 2010).",
    )
    curriculum_start: float = Field(
        0.5, description="Share of the training items that the first epoch of a curriculum sees.", gt=0, le=1
    )
    curriculum_end: float = Field(
        0.5, description="Share of the epochs after which a curriculum has come to all items.", gt=0, le=1
    )
    ema: float = Field(
        0.0,
        description="Decay of an exponential moving average of the weights, for example 0.999, which is what is"
        " validated and kept; 0 switches it off (Polyak and Juditsky 1992; Tarvainen and Valpola 2017,"
        " arXiv:1703.01780).",
        ge=0,
        lt=1,
    )
    swa: float = Field(
        0.0,
        description="Share of the epochs, the last ones, whose weights are averaged (Izmailov et al. 2018,"
        " arXiv:1803.05407); 0 switches it off.",
        ge=0,
        lt=1,
    )
    swa_rate: float = Field(0.1, description="Share of the peak rate that is held while swa averages.", gt=0, le=1)
    keep_last: int = Field(0, description="Newest epochs whose weights are kept, as checkpoints/epoch-012.pt.", ge=0)
    keep_every: int | None = Field(None, description="Keep the weights of every so many epochs as well.", ge=1)
    seed: int = Field(42, ge=0, lt=2**63)
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**63)], ...] = Field(
        (), description="An ensemble of members that differ in their seed; instead of 'seed'."
    )
    calibrate: Literal["none", "temperature"] = Field(
        "temperature", description="Divide the logits by a temperature fitted on the validation items."
    )
    deterministic: bool = Field(True, description="Same seed, same numbers; a little slower on CUDA.")
    device: Literal["auto", "cuda", "cpu"] = "auto"
    devices: int = Field(1, description="Processes on each machine, one per GPU; they share every batch.", ge=1)
    nodes: int = Field(1, description="Machines that train together.", ge=1)
    workers: int = Field(0, description="Loader processes; 0 reads in the training process, which is enough.", ge=0)
    init: str = Field("", description="A run or checkpoint whose weights to start from.")
    init_lr: float = Field(
        1.0,
        description="Learning rate of the weights that init brings, as a share of that of the others; 0 leaves them as"
        " they are (discriminative learning rates: Howard and Ruder 2018, arXiv:1801.06146). Of no effect without"
        " init.",
        ge=0,
        le=1,
    )
    init_leak: bool = Field(
        False, description="Allow a start trained on patients of this run's validation or test split."
    )
    split_leak: bool = Field(False, description="Allow a patient to be in two of the splits.")

    @field_validator("seeds")
    @classmethod
    def _seeds_differ(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if seeds and len(set(seeds)) < max(2, len(seeds)):
            raise ValueError("an ensemble needs two seeds or more, each once")
        return seeds


class AugmentConfig(Section):
    """How training items are changed, in ways that leave their labels true."""

    model_config = ConfigDict(allow_inf_nan=False)

    use: tuple[str, ...] = Field((), description="Which; ecg train --list names them.")
    probability: float = Field(0.5, description="Share of the items that each is applied to.", ge=0, le=1)
    noise: tuple[float, float] = Field(
        (0.01, 0.03), description="Deviation of Gaussian noise, from and to, as a share of that of the lead."
    )
    scale: float = Field(0.1, description="Amplitudes change by up to this share.", ge=0, lt=1)
    shift: int = Field(10, description="Time shifts by up to so many samples.", ge=0)
    stretch: float = Field(0.1, description="Time is stretched or compressed by up to this share.", ge=0, lt=1)
    fibrillation: float = Field(
        0.3, description="Share of the items it is applied to whose atria fibrillate.", ge=0, le=1
    )
    hurry: float = Field(0.9, description="Pauses between T and P waves lose up to this share.", ge=0, lt=1)
    wander_mv: float = Field(0.3, description="Largest deviation of baseline wander, in mV.", ge=0)
    powerline_mv: float = Field(0.05, description="Largest deviation of the mains' hum, in mV.", ge=0)
    mains_hz: float = Field(50.0, description="Frequency of the mains: 50, or 60.", gt=0)
    muscle_mv: float = Field(0.05, description="Largest deviation of muscle artefact, in mV.", ge=0)
    drop: float = Field(0.1, description="Share of the leads that are taken away.", ge=0, le=1)
    crop: float = Field(0.5, description="Shortest share of an item that a crop leaves.", gt=0, le=1)
    rhythms: int = Field(
        0,
        description="For tasks of heartbeats: so many strips of simulated rhythms (fibrillation, early beats)"
        " are made of the beats of each training recording, once, and learnt from beside it.",
        ge=0,
        le=1000,
    )
    rhythms_s: float = Field(160.0, description="Length of each of these strips in seconds.", ge=10, le=3600)
    nstdb: str = Field(
        "",
        description="Folder of the MIT-BIH Noise Stress Test Database, for recorded wander and muscle artefact; made up"
        " when empty.",
    )

    @model_validator(mode="after")
    def _noise_is_a_range(self) -> Self:
        if not 0 <= self.noise[0] <= self.noise[1]:
            raise ValueError("noise must be two numbers, from 0 on and ascending")
        return self


class Words(Section):
    """What the sentences of a store are made of; enough to build a network that reads them."""

    ids: int = Field(description="Ids of the vocabulary, special ones included.", ge=1)
    longest: int = Field(description="Words of a sentence at most, special ones included.", ge=1)
    vocabulary: str = Field(description="Digest of the vocabulary.")


class Calibration(Section):
    """A temperature and what it does on the items it was fitted on; see :mod:`ecgtool.metrics.temperature`.

    A run keeps it as ``calibration.json``.
    """

    temperature: float = Field(
        1.0, description="Logits are divided by it; above 1: they were too sure.", gt=0, allow_inf_nan=False
    )
    items: int = Field(0, description="How many those items are.", ge=0)
    nll_before: float | None = Field(
        None, description="Mean negative log-likelihood per item and label, as predicted; null where none was fitted."
    )
    nll_after: float | None = Field(None, description="The same after the division.")
    ece_before: float | None = Field(
        None, description="Expected calibration error; null where no label has both classes."
    )
    ece_after: float | None = None
    note: str = Field("", description="Why it is 1 though one was to be fitted; empty where it was fitted.")


class TrackingConfig(Section):
    """Where the curves go besides the run's own folder. It decides nothing about the weights."""

    logger: tuple[str, ...] = Field(
        (), description="wandb, mlflow; tensorboard's events are part of every run, named or not."
    )
    project: str = Field("ecgtool", description="The project (W&B) or experiment (MLflow) they go to.", min_length=1)


class TrainConfig(Section):
    """Everything that decides a run: what a recipe holds, and what ``config.yaml`` of a run records."""

    summary: str = Field("", description="One line for listings.")
    paper: str = Field("", description="Where the settings come from.")
    arch: str = Field("", description="Architecture's name.")
    data: DataConfig = Field(default_factory=lambda: DataConfig())
    model: dict[str, Any] = Field(default_factory=dict, description="The architecture's options.")
    training: TrainingConfig = Field(default_factory=lambda: TrainingConfig())
    augment: AugmentConfig = Field(default_factory=lambda: AugmentConfig())
    tracking: TrackingConfig = Field(default_factory=lambda: TrackingConfig())
