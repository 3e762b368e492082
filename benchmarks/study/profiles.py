"""Data, space and settings of the study: the same for all systems but for what defines them."""
from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from rows import ROOT, digest

DATA = Path(os.environ.get("FPNAS_DATA", ROOT.parent / "shared" / "data"))
SPACES = ROOT / "examples" / "spaces"


@dataclass(frozen=True)
class Profile:
    name: str
    data: Path
    space: Path
    search: dict
    """Of every search with shared weights."""
    retrain: dict
    """Of every network that a system found."""
    child: dict
    """Of networks that MnasNet's way trains from scratch to rate them."""
    children: tuple[int, ...]
    """After how many children what they found is retrained."""
    seeds: int
    headline_seeds: int
    retrain_seeds: int = 1
    """Retrainings of every found network; its accuracy is their mean."""
    base_macs: int = 0
    """Of the base network that is scaled."""
    isolated: bool = True
    """A process for every run, so that its peak of memory is its own."""

    @property
    def target(self) -> float:
        return self.search["cost_target"]

    @property
    def settings(self) -> str:
        """Rows of other settings are told apart by it."""
        return digest(self.name, self.data.name, self.space.read_text(), self.search, self.retrain,
                      self.child, self.retrain_seeds)


DIGITS = Profile(
    "digits", ROOT / "data" / "digits", SPACES / "digits-small.json",
    search=dict(
        epochs=60, batch_size=32, image_size=8, maximum_shift=1, warm_up_epochs=6,
        samples_per_nat=0.5, learning_rate=0.07, weight_rate=0.1, cost_target=80_000.0),
    retrain=dict(epochs=30, batch_size=32, image_size=8, maximum_shift=1),
    child=dict(epochs=5, batch_size=32, image_size=8, maximum_shift=1),
    children=(25, 50, 100, 200, 400), seeds=5, headline_seeds=10, retrain_seeds=3,
    base_macs=30_000)

# Small networks and a third of the images: 3 minutes of search and 2 of retraining at most, on one
# idle core.
FASHION = Profile(
    "fashion", DATA / "fashion-mnist", SPACES / "fashion-small.json",
    search=dict(
        epochs=8, batch_size=64, training_images=20_000, maximum_shift=1, flip=True,
        warm_up_epochs=1, learning_rate=0.03, cost_target=600_000.0, weight_rate=0.4,
        weight_decay=1e-4),
    retrain=dict(
        epochs=20, batch_size=64, training_images=20_000, maximum_shift=1, flip=True,
        weight_rate=0.1, weight_decay=5e-4),
    child=dict(
        epochs=1, batch_size=64, training_images=20_000, maximum_shift=1, flip=True,
        weight_rate=0.1, weight_decay=5e-4),
    children=(25, 50, 100), seeds=3, headline_seeds=3, base_macs=300_000)

# Meaningless numbers in two minutes: that every part runs, from the first job to the last plot.
QUICK = Profile(
    "quick", ROOT / "data" / "digits", SPACES / "digits-small.json",
    search={**DIGITS.search, "epochs": 3, "warm_up_epochs": 1, "training_images": 200},
    retrain={**DIGITS.retrain, "epochs": 1, "training_images": 200},
    child={**DIGITS.child, "epochs": 1, "training_images": 100},
    children=(2, 4), seeds=1, headline_seeds=2, base_macs=30_000, isolated=False)

PROFILES = {profile.name: profile for profile in (DIGITS, FASHION, QUICK)}
