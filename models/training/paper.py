"""The configurations of the paper's Tables 1, 3 and 4, each as one ``snnc train`` command.

Settings are those of the authors' released script (https://github.com/BICLab/ASA-SNN, final.sh
and config.py), the networks and data sets those of Yao et al. 2023. Where the two differ, or say
nothing, :data:`SETUPS` says so. ``reduction`` is not among the settings: the script passes 4 or 8
for ASA's mixing along time, and the parameter counts that the paper prints are those of 2.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

Published = tuple[float, float]
"""Accuracy in percent and NASFR."""

_THREE_LAYER = {
    "time-steps": "60",
    "dt-us": "15000",
    "downsample": "4",
    "random-slices": "",
    "clips": "10",
    "epochs": "200",
    "batch-size": "32",
    "lr": "1e-4",
    "weight-decay": "1e-4",
    "dropout": "0.1",
    "hyper": "dropout_layers=[3,4,5]",
}
_EVENT_DROP = {"event-drop": "1", "event-drop-by": "mixed"}


@dataclass(frozen=True)
class Setup:
    """A data set with a network, and what the paper reports on it.

    Attributes:
        name: of the files that a command writes.
        title: data set and network, for people.
        data: name of the data set in DATA.
        network: a name in :data:`snnc.models.networks.NETWORKS`, or ``res-18``.
        options: of ``snnc train``, without their dashes; an empty value is a flag.
        published: accuracy in percent and NASFR by attention module.
        remark: where the settings are not the authors'.
    """

    name: str
    title: str
    data: str
    network: str
    options: Mapping[str, str]
    published: Mapping[str, Published]
    remark: str = ""


SETUPS: tuple[Setup, ...] = (
    Setup(
        "gesture-three-layer",
        "DVS128 Gesture, three layers",
        "dvsgesture",
        "three-layer",
        {**_THREE_LAYER, "cache": "cache"},
        {
            "none": (91.3, 0.176),
            "sa": (92.6, 0.073),
            "tcsa": (96.5, 0.029),
            "asa1": (95.2, 0.038),
            "asa2": (94.4, 0.050),
        },
    ),
    Setup(
        "gesture-five-layer",
        "DVS128 Gesture, five layers",
        "dvsgesture",
        "five-layer",
        {
            "time-steps": "20",
            "framing": "count",
            "epochs": "200",
            "batch-size": "8",
            "lr": "1e-3",
            "cache": "cache",
        },
        {"none": (95.5, 0.023), "asa1": (97.7, 0.018)},
    ),
    Setup(
        "gait-day",
        "DVS128-Gait-Day, three layers",
        "gait-day",
        "three-layer",
        {**_THREE_LAYER, **_EVENT_DROP, "cache": "cache"},
        {
            "none": (88.6, 0.214),
            "sa": (89.5, 0.091),
            "tcsa": (92.3, 0.045),
            "asa1": (93.6, 0.045),
            "asa2": (89.6, 0.088),
        },
    ),
    Setup(
        "gait-night",
        "DVS128-Gait-Night, three narrow layers",
        "gait-night",
        "three-layer-narrow",
        {**_THREE_LAYER, **_EVENT_DROP, "epochs": "100", "dropout": "0.5", "cache": "cache"},
        {"none": (96.4, 0.197), "asa1": (98.6, 0.126)},
    ),
    Setup(
        "dailyaction",
        "DailyAction-DVS, five layers",
        "dailyaction",
        "five-layer",
        {
            "time-steps": "36",
            "dt-us": "120000",
            "downsample": "2",
            "random-slices": "",
            "clips": "10",
            "epochs": "100",
            "batch-size": "4",
            "lr": "1e-3",
            "cache": "cache",
        },
        {"none": (92.5, 0.017), "asa1": (94.6, 0.013)},
        "the authors' reader takes the camera for another one (docs/datasets.md)",
    ),
    Setup(
        "har-dvs",
        "HAR-DVS, Res-SNN-18",
        "har-dvs",
        "res-18",
        {
            "time-steps": "8",
            "dt-us": "1000",
            "downsample": "2",
            "random-slices": "",
            "epochs": "100",
            "batch-size": "32",
            "lr": "1e-3",
        },
        {"none": (45.5, 0.206), "asa1": (47.1, 0.183)},
        "only the network, T 8 and the data set are the paper's; the rest is not published",
    ),
)

NAMES = {"none": "vanilla", "sa": "SA", "tcsa": "TCSA", "asa1": "ASA-1", "asa2": "ASA-2"}


@dataclass(frozen=True)
class Configuration:
    """One row of the paper's tables: a setup with an attention module."""

    setup: Setup
    attention: str

    @property
    def name(self) -> str:
        """Setup and attention module, as in file names."""
        return f"{self.setup.name}-{self.attention}"

    @property
    def title(self) -> str:
        """What it is, what the paper reports, and where the settings are not the authors'."""
        accuracy, nasfr = self.setup.published[self.attention]
        title = f"{self.setup.title}, {NAMES[self.attention]}; paper: {accuracy} %, NASFR {nasfr}"
        return f"{title}; {self.setup.remark}" if self.setup.remark else title

    def arguments(self) -> list[str]:
        """What follows ``snnc train``. DATA is in ``data/<name of the data set>``."""
        setup = self.setup
        given = [setup.network, "--attention", self.attention]
        given += ["--data", f"{setup.data}:data/{setup.data}"]
        for option, value in setup.options.items():
            given += [f"--{option}", value] if value else [f"--{option}"]
        return [*given, "--seed", "0", "-o", f"{self.name}.pt", "--resume", f"{self.name}.state"]

    def command_line(self) -> str:
        """The whole command, for a shell."""
        return shlex.join(["snnc", "train", *self.arguments()])


CONFIGURATIONS: tuple[Configuration, ...] = tuple(
    Configuration(setup, attention) for setup in SETUPS for attention in setup.published
)
"""Every row of Tables 1 and 3, Table 4's among them."""
