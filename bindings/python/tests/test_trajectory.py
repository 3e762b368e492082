"""One seed, one trajectory: in Python, in C, and at the command line."""

import csv
import subprocess
from pathlib import Path

import pytest

import fpnas

ROOT = Path(__file__).resolve().parents[3]
DIGITS = ROOT / "data" / "digits"
TOOL = ROOT / "build" / "fpnas"
EPOCHS, SEED = 2, 11

C_PROGRAM = r"""
#include <fpnas.h>
#include <stdio.h>
int main(int argc, char **argv) {
    fpnas_run_options options;
    fpnas_run *run;
    fpnas_run_progress progress;
    (void)argc;
    fpnas_run_options_init(&options, sizeof options);
    options.seed = 11;
    options.epochs = 2;
    options.batch_size = 150;
    options.warm_up_epochs = 0;
    if (fpnas_run_create(argv[1], NULL, &options, &run)) return puts(fpnas_last_error()), 1;
    progress.struct_size = sizeof progress;
    do {
        if (fpnas_run_step(run)) return puts(fpnas_last_error()), 1;
        fpnas_run_progress_get(run, &progress);
    } while (!progress.is_done);
    printf("%.17g %.17g %lld\n", progress.entropy, progress.validation_log_likelihood,
           (long long)progress.samples_drawn);
    return 0;
}
"""


@pytest.fixture(scope="module")
def ours() -> tuple[float, float, int]:
    run = fpnas.Run(DIGITS, seed=SEED, epochs=EPOCHS, batch_size=150, warm_up_epochs=0)
    for _ in run:
        pass
    progress = run.progress
    return progress.entropy, progress.validation_log_likelihood, progress.samples_drawn


def test_repeated(ours):
    run = fpnas.Run(DIGITS, seed=SEED, epochs=EPOCHS, batch_size=150, warm_up_epochs=0, threads=1)
    for _ in run:
        pass
    progress = run.progress
    assert (progress.entropy, progress.validation_log_likelihood, progress.samples_drawn) == ours


def test_command_line(ours, tmp_path):
    if not TOOL.exists():
        pytest.skip("build/fpnas is not built")
    subprocess.run(
        [TOOL, "search", "--data", DIGITS, "--out", tmp_path, "--seed", str(SEED), "--epochs", str(EPOCHS),
         "--batch-size", "150", "--warm-up-epochs", "0"], check=True, stdout=subprocess.DEVNULL)
    last = list(csv.DictReader((tmp_path / "history.csv").open()))[-1]
    assert (float(last["entropy_nats"]), float(last["validation_log_likelihood_nats"]),
            int(last["samples_drawn"])) == ours


def test_c(ours, tmp_path):
    library = ROOT / "build"
    if not (library / "libfpnas.so").exists():
        pytest.skip("build/libfpnas.so is not built")
    (tmp_path / "run.c").write_text(C_PROGRAM)
    subprocess.run(
        ["cc", "-I", ROOT / "include", tmp_path / "run.c", "-o", tmp_path / "run", f"-L{library}", "-lfpnas",
         f"-Wl,-rpath,{library}"], check=True)
    output = subprocess.run([tmp_path / "run", DIGITS], check=True, capture_output=True, text=True).stdout.split()
    assert (float(output[0]), float(output[1]), int(output[2])) == ours


def test_command_line_stops_and_resumes(ours, tmp_path):
    """Ctrl-C leaves a checkpoint from which the rest is the same."""
    if not TOOL.exists():
        pytest.skip("build/fpnas is not built")
    command = [TOOL, "search", "--data", DIGITS, "--out", tmp_path]
    process = subprocess.Popen(
        [*command, "--seed", str(SEED), "--epochs", str(EPOCHS), "--batch-size", "150", "--warm-up-epochs", "0"],
        stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.split()[:1] == ["epoch"]:  # the table's head: the first step is under way
            process.send_signal(2)
            break
    process.communicate()
    assert process.returncode in (130, 0)
    again = subprocess.run(command, capture_output=True, text=True)
    assert again.returncode == 1 and "--resume" in again.stderr
    subprocess.run([*command, "--resume"], check=True, stdout=subprocess.DEVNULL)
    last = list(csv.DictReader((tmp_path / "history.csv").open()))[-1]
    assert (float(last["entropy_nats"]), float(last["validation_log_likelihood_nats"]),
            int(last["samples_drawn"])) == ours
