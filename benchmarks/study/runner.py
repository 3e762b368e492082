"""Runs what is missing, one process and one row a job."""
from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import attention, distillation, memory, mnasnet, scaling  # noqa: E401, F401: they register
import claims
import systems
from profiles import PROFILES, Profile
from rows import Job, Table
from systems import NotThere, key_of


def run_job(name: str, job: Job, folder: Path, threads: int) -> dict | str:
    """A row, or why there is none."""
    try:
        return systems.finish(systems.Bench(PROFILES[name], folder, threads), job)
    except NotThere as reason:
        return str(reason)


def wanted(profile: Profile, names: list[str], seeds: int | None,
           only: list[str]) -> list[Job]:
    """Jobs of the claims in their order, each once: three seeds of all, then the others."""
    jobs: dict[Job, None] = {}
    for claim in claims.CLAIMS:
        if profile.claims and claim.name not in profile.claims:
            continue
        if not names or claim.name in names:
            jobs |= dict.fromkeys(claim.jobs(profile))
    chosen = [job for job in jobs if (seeds is None or job.seed <= seeds)
              and (not only or job.system in only)]
    return sorted(chosen, key=lambda job: (job.seed > 3) + (job.seed > profile.seeds))


def run(profile: Profile, table: Table, jobs: list[Job], folder: Path, threads: int,
        share: tuple[int, int]) -> None:
    """`share` (i, n): of the jobs that are left only every n-th, for n processes side by side."""
    left = [job for job in jobs if key_of(profile, job) not in table.rows]
    left = left[share[0]::share[1]]
    print(f"{profile.name}: {len(jobs) - len(left)} of {len(jobs)} runs are there", flush=True)
    missing: set[str] = set()
    for number, job in enumerate(left, 1):
        if job.system in missing:
            continue
        start = time.monotonic()
        if profile.isolated:
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                row = pool.submit(run_job, profile.name, job, folder, threads).result()
        else:
            row = run_job(profile.name, job, folder, threads)
        if isinstance(row, str):
            missing.add(job.system)
            print(f"left out: {row}", flush=True)
            continue
        table.add(row)
        accuracy = f", {100 * row['test_accuracy']:.2f} %" if "test_accuracy" in row else ""
        print(f"{number}/{len(left)} {job}: {time.monotonic() - start:.0f} s{accuracy}", flush=True)
