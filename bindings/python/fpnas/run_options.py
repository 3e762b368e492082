"""The options of the built-in run and of retraining; defaults and checks are the C library's."""

from __future__ import annotations

from dataclasses import dataclass

from . import _ffi
from ._library import lib
from ._options import Options, defaults

_RUN = defaults(_ffi.fpnas_run_options, lib.fpnas_run_options_init)
_RETRAIN = defaults(_ffi.fpnas_retrain_options, lib.fpnas_retrain_options_init)


@dataclass(frozen=True, kw_only=True)
class RunOptions(Options):
    """Everything that steers a built-in run: the search, and the training around it."""

    _struct = _ffi.fpnas_run_options

    algorithm: str = _RUN["algorithm"]
    """"fp-nas", "parsec", "random", "evolution", "reinforce", "darts" or "fbnetv2"."""
    seed: int = _RUN["seed"]
    """0 to 2^64 - 1."""
    epochs: int = _RUN["epochs"]
    """Passes over the weights' part of the training images."""
    batch_size: int = _RUN["batch_size"]
    threads: int = _RUN["threads"]
    """0 = cores of the machine."""
    image_size: int = _RUN["image_size"]
    """Rows and columns to resize to; 0 = the images' own, at least 16."""
    maximum_shift: int = _RUN["maximum_shift"]
    """Augmentation: random crop with so many pixels of black padding."""
    samples_per_nat: float = _RUN["samples_per_nat"]
    """Lambda, > 0: K = floor(samples_per_nat * entropy), clamped."""
    sample_count: int = _RUN["sample_count"]
    """K of parsec and random, 2 to 65536."""
    minimum_samples: int = _RUN["minimum_samples"]
    """Bounds of the adaptive K."""
    maximum_samples: int = _RUN["maximum_samples"]
    likelihood_scale: float = _RUN["likelihood_scale"]
    """Factor on the mean log-likelihoods, >= 0."""
    learning_rate: float = _RUN["learning_rate"]
    """Adam's, on the logits; -1 = the algorithm's: 0.1; darts 0.01, fbnetv2 0.05."""
    cost_weight: float = _RUN["cost_weight"]
    """Beta of equation 7; 0 = no budget."""
    cost_target: float = _RUN["cost_target"]
    """TAR in MACs; 0 = half of the uniform distribution's expectation."""
    joint_epoch: int = _RUN["joint_epoch"]
    """Theta in epochs; -1 = 53 % of the run, 0 = joint from the start, `epochs` = never."""
    warm_up_epochs: int = _RUN["warm_up_epochs"]
    """Epochs at the start that train the weights only."""
    weight_rate: float = _RUN["weight_rate"]
    """Highest rate; cosine to 0."""
    momentum: float = _RUN["momentum"]
    weight_decay: float = _RUN["weight_decay"]
    baseline: str = _RUN["baseline"]
    """"mean" or "none"."""
    training_images: int = _RUN["training_images"]
    """At most so many, the shares of classes kept; 0 = all."""
    test_share: float = _RUN["test_share"]
    """Of data without a test part: the share of every class that is set aside for the test."""
    class_balance: float = _RUN["class_balance"]
    """Gamma of `Run.class_weights`, n n_c^-gamma / sum n_k^(1 - gamma), in [0, 1]; 0 = all 1."""
    cutout: int = _RUN["cutout"]
    """Augmentation: the side of the cut-out square in pixels; 0 = off."""
    image_memory: int = _RUN["image_memory"]
    """Most bytes of images in memory; 0 = half of the machine's."""
    flip: bool = _RUN["flip"]
    """Augmentation: mirror left to right with even odds."""
    resize_unequal: bool = _RUN["resize_unequal"]
    """Resize PNGs of unequal size to `image_size`; otherwise they are refused."""
    check_files: bool = _RUN["check_files"]
    """Decode all PNGs before the run begins; damaged files and twins are refused."""
    budget_mode: str = _RUN["budget_mode"]
    """"soft" (the cost term) or "hard": no network above `cost_target` is ever drawn."""
    optimiser: str = _RUN["optimiser"]
    """How the weights move: "sgd", "rmsprop" or "adam"."""
    zero_last_gamma: bool = _RUN["zero_last_gamma"]
    """Blocks beside a shortcut begin as nothing."""
    rate_warm_up: float = _RUN["rate_warm_up"]
    """Part of the run in which the rate rises to its highest value."""
    label_smoothing: float = _RUN["label_smoothing"]
    dropout: float = _RUN["dropout"]
    """Of the classifier's inputs."""
    stochastic_depth: float = _RUN["stochastic_depth"]
    """Probability of leaving out the last block beside a shortcut; of earlier ones in proportion."""
    weight_averaging: float = _RUN["weight_averaging"]
    """Decay of the average of the weights that is tested in their place; 0 = none."""
    weight_likelihood_scale: float = _RUN["weight_likelihood_scale"]
    """`likelihood_scale` of the weights' step; -1 = the same, 0 = all drawn networks alike."""
    warm_up_share: float = _RUN["warm_up_share"]
    """Part of the run's steps, in [0, 1], in place of `warm_up_epochs`; -1 = those."""
    random_children: int = _RUN["random_children"]
    """Of "bignas": random networks a step, beside the biggest and the smallest; 0 to 64."""
    coarse_children: int = _RUN["coarse_children"]
    """Of "bignas": skeletons measured for a budget."""
    mutations: int = _RUN["mutations"]
    """Of "bignas": mutations of the best measured for a budget."""
    statistics_batches: int = _RUN["statistics_batches"]
    """Training batches behind the normalisation statistics of a measured network."""
    selection_images: int = _RUN["selection_images"]
    """Of "bignas": at most so many validation images for a measured network; 0 = all."""
    second_order: bool = _RUN["second_order"]
    """Of "darts": the unrolled gradient, xi = the weights' rate."""
    weights_share: float = _RUN["weights_share"]
    """Part of the training images for the weights, in [0.1, 0.9]; 0 = 1/2, fbnetv2 0.8."""
    initial_temperature: float = _RUN["initial_temperature"]
    """Of "fbnetv2": max(0.1, initial_temperature * temperature_decay**epoch)."""
    temperature_decay: float = _RUN["temperature_decay"]
    population_size: int = _RUN["population_size"]
    """Of "evolution"; this and the rest as in `SearchOptions`."""
    tournament_size: int = _RUN["tournament_size"]
    reward_exponent: float = _RUN["reward_exponent"]
    """Of "reinforce", whose reward is a product with the cost under a soft budget."""
    baseline_decay: float = _RUN["baseline_decay"]
    entropy_weight: float = _RUN["entropy_weight"]
    clip_range: float = _RUN["clip_range"]
    clip_epochs: int = _RUN["clip_epochs"]
    evaluate_each_draw: bool = _RUN["evaluate_each_draw"]
    """No draw shares a pass with another, equal or not, as papers count: to compare times."""


@dataclass(frozen=True, kw_only=True)
class RetrainOptions(Options):
    """Everything that steers training one network from scratch."""

    _struct = _ffi.fpnas_retrain_options

    seed: int = _RETRAIN["seed"]
    """0 to 2^64 - 1."""
    epochs: int = _RETRAIN["epochs"]
    batch_size: int = _RETRAIN["batch_size"]
    threads: int = _RETRAIN["threads"]
    """0 = cores of the machine."""
    image_size: int = _RETRAIN["image_size"]
    """As in `RunOptions`."""
    maximum_shift: int = _RETRAIN["maximum_shift"]
    weight_rate: float = _RETRAIN["weight_rate"]
    """Highest rate, after `rate_warm_up`; cosine to 0."""
    momentum: float = _RETRAIN["momentum"]
    weight_decay: float = _RETRAIN["weight_decay"]
    training_images: int = _RETRAIN["training_images"]
    """This and the rest as in `RunOptions`."""
    test_share: float = _RETRAIN["test_share"]
    class_balance: float = _RETRAIN["class_balance"]
    cutout: int = _RETRAIN["cutout"]
    image_memory: int = _RETRAIN["image_memory"]
    flip: bool = _RETRAIN["flip"]
    resize_unequal: bool = _RETRAIN["resize_unequal"]
    check_files: bool = _RETRAIN["check_files"]
    optimiser: str = _RETRAIN["optimiser"]
    """How the weights move: "sgd", "rmsprop" or "adam"."""
    zero_last_gamma: bool = _RETRAIN["zero_last_gamma"]
    """Blocks beside a shortcut begin as nothing."""
    rate_warm_up: float = _RETRAIN["rate_warm_up"]
    """Part of the run in which the rate rises to its highest value."""
    label_smoothing: float = _RETRAIN["label_smoothing"]
    dropout: float = _RETRAIN["dropout"]
    """Of the classifier's inputs."""
    stochastic_depth: float = _RETRAIN["stochastic_depth"]
    """Probability of leaving out the last block beside a shortcut; of earlier ones in proportion."""
    weight_averaging: float = _RETRAIN["weight_averaging"]
    """Decay of the average of the weights that is tested in their place; 0 = none."""
