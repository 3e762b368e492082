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
    mixtures: tuple[str, ...] = ("fbnetv2", "darts")
    """Those that are run; each takes a multiple of all others' time."""
    claims: tuple[str, ...] = ()
    """Those that are run; all where empty."""
    isolated: bool = True
    """A process for every run, so that its peak of memory is its own."""

    @property
    def target(self) -> float:
        return self.search["cost_target"]

    @property
    def theta(self) -> int:
        """Epochs in factorised form; -1: the library's 53 %."""
        return self.search.get("joint_epoch", -1)

    @property
    def settings(self) -> str:
        """Rows of other settings are told apart by it."""
        return digest(self.name, self.data.name, self.space.read_text(), self.search, self.retrain,
                      self.child, self.retrain_seeds)

# The supernet has to learn something before the distribution may move: blocks begin as nothing, and
# the weights' step hardly prefers the likelier of the drawn networks. The budget is hard, because a
# hinge moves the distribution at once, whatever is known of likelihoods, and to far below it.
SHARED = dict(
    budget_mode="hard", weight_rate=0.4, weight_likelihood_scale=1.0, zero_last_gamma=True)

# Chosen with seeds 101 to 103 on halves of the training images, the test images not looked at.
DIGITS = Profile(
    "digits", ROOT / "data" / "digits", SPACES / "digits-small.json",
    search=dict(
        SHARED, epochs=90, batch_size=32, image_size=8, maximum_shift=1, warm_up_share=0.1,
        samples_per_nat=0.5, learning_rate=0.1, cost_target=60_000.0),
    retrain=dict(epochs=30, batch_size=32, image_size=8, maximum_shift=1),
    child=dict(epochs=5, batch_size=32, image_size=8, maximum_shift=1),
    children=(25, 50, 100, 200, 400), seeds=5, headline_seeds=10, retrain_seeds=3,
    base_macs=75_000)

# Widths are searched too, as in FBNetV2-F, with a shortcut on the channels that both sides have;
# K begins at 14, as in the paper. Of the spaces that were tried this is the most like the paper's
# whose networks of equal MACs differ, by test images of random networks.
WIDTHS = Profile(
    "digits-widths", DIGITS.data, SPACES / "digits-widths.json",
    search={**DIGITS.search, "samples_per_nat": 0.4, "cost_target": 69_000.0},
    retrain=DIGITS.retrain, child=DIGITS.child, children=(*DIGITS.children, 800), seeds=5,
    headline_seeds=5, retrain_seeds=3, base_macs=75_000,
    claims=("parsec", "parts", "fbnetv2", "bignas", "reinforce", "scaling", "baselines",
            "distillation"))

# Small networks and a third of the images: a minute of search and half a minute of retraining, on
# one idle core.
FASHION = Profile(
    "fashion", DATA / "fashion-mnist", SPACES / "fashion-widths.json",
    search=dict(
        SHARED, epochs=8, batch_size=64, training_images=20_000, maximum_shift=1, flip=True,
        warm_up_share=0.1, samples_per_nat=0.5, learning_rate=0.1, cost_target=400_000.0,
        weight_decay=1e-4),
    retrain=dict(
        epochs=12, batch_size=64, training_images=20_000, maximum_shift=1, flip=True,
        weight_rate=0.1, weight_decay=5e-4),
    child=dict(
        epochs=5, batch_size=64, training_images=20_000, maximum_shift=1, flip=True,
        weight_rate=0.1, weight_decay=5e-4),
    children=(5, 10, 20, 40), seeds=3, headline_seeds=3, base_macs=400_000,
    mixtures=("fbnetv2",),
    claims=("parsec", "fbnetv2", "bignas", "reinforce", "scaling", "baselines", "distillation"))

# Meaningless numbers in two minutes: that every part runs, from the first job to the last plot.
QUICK = Profile(
    "quick", ROOT / "data" / "digits", SPACES / "digits-small.json",
    search={**DIGITS.search, "epochs": 3, "training_images": 200},
    retrain={**DIGITS.retrain, "epochs": 1, "training_images": 200},
    child={**DIGITS.child, "epochs": 1, "training_images": 100},
    children=(2, 4), seeds=1, headline_seeds=2, base_macs=75_000, isolated=False)

PROFILES = {profile.name: profile for profile in (DIGITS, WIDTHS, FASHION, QUICK)}
