"""Split-Attention: what a search chose for every block, against one choice for all of them."""
from __future__ import annotations

import numpy as np

import fpnas
from rows import Job
from systems import Bench, Found, shared_weights, system, with_splits

SPLITS = (0, 1, 2, 4)


@system("splits")
def splits(bench: Bench, job: Job) -> Found:
    """`uniform` = searched: FP-NAS on the space with splits 0, 1, 2, 4 in place of se. A number:
    the network that this search found, with so many splits in every block."""
    wanted = job.changes["uniform"]
    space = with_splits(bench.space, list(SPLITS))
    row, space, network = shared_weights(
        bench, Job.of("fp-nas", job.seed, splits=SPLITS))
    if wanted == "searched":
        return row, space, network
    changed = np.array(network)
    for variable in space.variables:
        if variable.name == "splits":
            changed[variable.index] = variable.choices.index(str(wanted))
    return {}, space, space.canonicalise(changed)
