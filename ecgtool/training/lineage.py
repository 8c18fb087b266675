"""Where a run comes from: software, machine, data, patients, parents. No name of a person or a computer is kept."""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ecgtool import __version__
from ecgtool.errors import DataError
from ecgtool.files import digest, expanded
from ecgtool.home import portable
from ecgtool.run import Lineage, Run
from ecgtool.store import Store
from ecgtool.task import Task
from ecgtool.views.sentences import SentenceView

PACKAGES = ("torch", "lightning", "numpy", "scipy", "pandas", "scikit-learn", "onnx", "onnxruntime")

VARIABLES = (
    "ATEN_CPU_CAPABILITY",
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_LAUNCH_BLOCKING",
    "CUDNN_DETERMINISTIC",
    "KMP_BLOCKTIME",
    "MKL_CBWR",
    "MKL_NUM_THREADS",
    "NVIDIA_TF32_OVERRIDE",
    "OMP_NUM_THREADS",
    "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_NUM_THREADS",
    "PYTHONHASHSEED",
    "PYTORCH_CUDA_ALLOC_CONF",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
)
"""Variables of the environment that decide the order of sums or which routine makes them: numbers and names alone."""


@dataclass(frozen=True)
class Start:
    """Weights to start from.

    Args:
        name: How to find them again from any folder.
        checkpoint: The file.
        run: The run it belongs to; None for a file that lies in no run.
    """

    name: str
    checkpoint: Path
    run: Run | None

    @classmethod
    def find(cls, name: str) -> Start:
        """The best checkpoint of a run, or a checkpoint file and the run it lies in.

        Raises:
            NotFound: There is neither.
        """
        path = expanded(name)
        if not path.is_file():
            run = Run.open(name)
            return cls(portable(run.path), run.checkpoint("best"), run)
        folder = path.resolve().parent.parent
        is_run = (folder / "config.yaml").is_file() and (folder / "environment.json").is_file()
        return cls(portable(path), path, Run.open(folder) if is_run else None)


def lineage(
    store: Store, task: Task, train: npt.NDArray[np.int64], tabular: bool, start: Start | None = None
) -> Lineage:
    """What a run that trains on these items descends from."""
    manifest = store.manifest
    inherited = start.run.lineage.seen() if start and start.run else {}
    return Lineage(
        store=portable(store.path),
        store_digest=store.digest(task),
        task=task,
        fs=manifest.fs,
        leads=manifest.leads,
        samples=manifest.samples,
        scale_uv=manifest.scale_uv,
        calibrated=manifest.calibrated,
        preprocessing=manifest.preprocessing.model_dump(mode="json"),
        tabular=manifest.tabular if tabular else (),
        words=manifest.words,
        waves=store.method if isinstance(store, SentenceView) else "",
        train_patients=tuple(sorted(_patients(store, train))),
        dataset=manifest.dataset,
        parents=(start.name,) if start else (),
        inherited={dataset: tuple(sorted(patients)) for dataset, patients in inherited.items()},
    )


def refuse_leak(start: Start, store: Store, held_out: npt.NDArray[np.int64]) -> None:
    """Refuse weights that have seen patients this run is to be judged on.

    Args:
        start: The weights.
        store: This run's data.
        held_out: Its validation and test items.

    Raises:
        DataError: They have, or nobody can tell because the file lies in no run.
    """
    allow = "To start from it all the same: --set training.init_leak=true"
    if start.run is None:
        raise DataError(f"{start.checkpoint} lies in no run, so the patients it was trained on are not known.", allow)
    seen = start.run.lineage.seen().get(store.manifest.dataset, frozenset())
    shared = _patients(store, held_out) & seen
    if shared:
        raise DataError(
            f"{start.name} was trained on {len(shared)} patients of this run's validation or test split"
            f" ({', '.join(sorted(shared)[:3])} ...): the results would be too good.",
            allow,
        )


def how_to_resume(run: Run) -> str:
    """The command that goes on with a run, or with the ensemble that it is a member of."""
    return f"ecg train --resume {portable((run.ensemble or run).path)}"


def going_on(run: Run) -> str:
    """What to say when a person stops a training."""
    return f"interrupted; go on with: {how_to_resume(run)}"


def environment(command: Sequence[str]) -> dict[str, Any]:
    """Versions, machine and command line."""
    return {
        "ecgtool": __version__,
        "code": code_digest(),
        "python": platform.python_version(),
        "packages": {package: version(package) for package in PACKAGES},
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "libc": " ".join(platform.libc_ver()).strip(),
        "cpu": _cpu(),
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "interop_threads": torch.get_num_interop_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "gpus": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
        "cuda": torch.version.cuda,
        "backends": _backends(),
        "variables": {name: os.environ[name] for name in VARIABLES if name in os.environ},
        "command": shlex.join(command).replace(str(Path.home()), "~"),
    }


def code_digest() -> str:
    """One digest of every source file of the package: what ran, whether or not it had a version of its own."""
    root = Path(sys.modules["ecgtool"].__path__[0])
    files = sorted(path for path in root.rglob("*") if path.suffix in (".py", ".yaml"))
    words = "\n".join(f"{path.relative_to(root).as_posix()} {digest(path)}" for path in files)
    return f"sha256:{hashlib.sha256(words.encode()).hexdigest()}"


def _patients(store: Store, items: npt.NDArray[np.int64]) -> frozenset[str]:
    """The named patients of these items; an empty name tells nobody apart."""
    return frozenset(store.items["patient"].to_numpy()[items].tolist()) - {""}


def _backends() -> dict[str, bool | str | int | None]:
    """Settings of torch that decide which routine makes a sum, as they are before the run's own."""
    cudnn: Any = torch.backends.cudnn
    return {
        "cudnn": cudnn.version(),
        "mkldnn": bool(torch.backends.mkldnn.enabled),
        "cudnn_benchmark": bool(cudnn.benchmark),
        "cudnn_tf32": bool(cudnn.allow_tf32),
        "matmul_tf32": bool(torch.backends.cuda.matmul.allow_tf32),
        "matmul_precision": torch.get_float32_matmul_precision(),
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "default_dtype": str(torch.get_default_dtype()).removeprefix("torch."),
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
