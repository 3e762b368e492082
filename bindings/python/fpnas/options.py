"""The options of a search; the defaults and the checks are the C library's."""

from __future__ import annotations

from dataclasses import dataclass

from . import _ffi
from ._options import Options, defaults

_DEFAULTS = defaults(_ffi.fpnas_search_options)


@dataclass(frozen=True, kw_only=True)
class SearchOptions(Options):
    """Everything that steers a search.

    >>> SearchOptions(learning_rate=0.1).replace(seed=7).seed
    7
    """

    _struct = _ffi.fpnas_search_options

    algorithm: str = _DEFAULTS["algorithm"]
    """"fp-nas" (K = floor(samples_per_nat * entropy), clamped), or with K = sample_count
    "parsec", "random" and "evolution" (the distribution never moves), "reinforce"."""
    seed: int = _DEFAULTS["seed"]
    """0 to 2^64 - 1."""
    samples_per_nat: float = _DEFAULTS["samples_per_nat"]
    """Lambda, > 0."""
    sample_count: int = _DEFAULTS["sample_count"]
    """K of all but fp-nas, at most 65536."""
    minimum_samples: int = _DEFAULTS["minimum_samples"]
    """Bounds of the adaptive K."""
    maximum_samples: int = _DEFAULTS["maximum_samples"]
    likelihood_scale: float = _DEFAULTS["likelihood_scale"]
    """Factor on the told means, >= 0."""
    effective_sample_share: float = _DEFAULTS["effective_sample_share"]
    """In (0, 1]: the factor is chosen so that the effective sample size is this share of K;
    0 = off."""
    learning_rate: float = _DEFAULTS["learning_rate"]
    """Adam's, on the logits."""
    adam_beta1: float = _DEFAULTS["adam_beta1"]
    adam_beta2: float = _DEFAULTS["adam_beta2"]
    adam_epsilon: float = _DEFAULTS["adam_epsilon"]
    cost_weight: float = _DEFAULTS["cost_weight"]
    """Beta of equation 7; 0 = off."""
    cost_target: float = _DEFAULTS["cost_target"]
    """TAR, in the unit of the costs (MACs where the library computes them)."""
    joint_step: int = _DEFAULTS["joint_step"]
    """Theta in tells; 0 = joint from the start, -1 = never."""
    warm_up_steps: int = _DEFAULTS["warm_up_steps"]
    """Tells that do not move the distribution."""
    maximum_steps: int = _DEFAULTS["maximum_steps"]
    """Stop reasons; 0 = off."""
    stop_entropy: float = _DEFAULTS["stop_entropy"]
    """In nats."""
    baseline: str = _DEFAULTS["baseline"]
    """"mean" (weights minus their mean) or "none" (equation 7 as printed)."""
    stops_on_collapse: bool = _DEFAULTS["stops_on_collapse"]
    """Stop when every layer that can be skipped is, with more than even odds."""
    budget_objective: str = _DEFAULTS["budget_objective"]
    """What a search with hard budgets lowers, q being P given the budgets: "conditioned",
    -log E_q[likelihood], or "within", -log E_P[likelihood, 0 outside]."""
    population_size: int = _DEFAULTS["population_size"]
    """Networks alive in evolution."""
    tournament_size: int = _DEFAULTS["tournament_size"]
    """Members, drawn with replacement, of which the fittest is a parent."""
    reward: str = _DEFAULTS["reward"]
    """What reinforce raises: "told", the told value l, or "product",
    e^l * (cost / cost_target)^reward_exponent, for which the logarithm of an accuracy is told."""
    reward_exponent: float = _DEFAULTS["reward_exponent"]
    baseline_decay: float = _DEFAULTS["baseline_decay"]
    """d of the moving baseline b = d * b + (1 - d) * mean reward."""
    entropy_weight: float = _DEFAULTS["entropy_weight"]
    """Of the entropy in what reinforce raises; 0 = off."""
    clip_range: float = _DEFAULTS["clip_range"]
    """Proximal clipping to [1 - e, 1 + e]; 0 = off."""
    clip_epochs: int = _DEFAULTS["clip_epochs"]
    """Updates an ask makes with clipping."""
