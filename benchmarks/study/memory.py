"""Peak memory over the number of candidates a layer, in the spaces of mixture_memory.py."""
from __future__ import annotations

import sys

import fpnas
from rows import ROOT, Job
from systems import Bench, Found, NotThere, knows, system

ALGORITHMS = ("fp-nas", "darts", "fbnetv2")
CANDIDATES = (1, 2, 4, 8)


@system("memory")
def memory(bench: Bench, job: Job) -> Found:
    """`algorithm` on four MBConv layers that choose among `candidates` kernels and activations."""
    algorithm = str(job.changes["algorithm"])
    sys.path.append(str(ROOT / "benchmarks"))
    try:
        from mixture_memory import space
    except ImportError as error:
        raise NotThere("benchmarks/mixture_memory.py is not there yet") from error
    if not knows(algorithm):
        raise NotThere(f"the library has no '{algorithm}' in its supernet yet")
    fpnas.buffer_memory(reset_peak=True)
    with space(int(job.changes["candidates"])) as candidates, fpnas.Run(
            ROOT / "data" / "digits", candidates, algorithm=algorithm, batch_size=64,
            threads=bench.threads, warm_up_epochs=0, epochs=2, cost_weight=0, seed=job.seed) as run:
        for _ in range(2):
            run.step()
        return dict(steps=2, buffer_bytes=fpnas.buffer_memory()[1]), None, None
