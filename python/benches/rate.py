"""Compares the wheel with the command line: proofs a second on the same data, and the memory of many proofs.

    cargo build --release --examples --bins
    maturin develop --release --manifest-path python/Cargo.toml
    python python/benches/rate.py --slproof target/release/slproof --synthesize target/release/examples/synthesize

The data are of a synthetic settlement layer, made in a temporary directory. The runs alternate, and the best of each counts, so
that other programs on the machine disturb the comparison little. Memory is what the process has besides mapped files
(RssAnon of Linux), after each tenth of the proofs.
"""

import argparse
import pathlib
import subprocess
import tempfile
import time

import slproof

LOGS_PER_BATCH = 10
MIB = 1 << 20


def make_data(given, directory):
    """Makes a tree file and a message archive. Returns their paths."""
    state, snapshot, tree, logs, archive = (
        directory / name for name in ("state.csv", "state.slsnap", "state.sltree", "logs.jsonl", "logs.slmsg")
    )
    batches = -(-given.logs // LOGS_PER_BATCH)
    size = ("--batches", batches, "--logs", LOGS_PER_BATCH)
    run(given.synthesize, *size, "--form", "table", "--state", state, "--archive", logs)
    run(given.slproof, "import", state, "-o", snapshot)
    run(given.slproof, "rebuild", snapshot, "-o", tree)
    run(given.slproof, "index", logs, "-o", archive)
    for used in (state, snapshot, logs):
        used.unlink()
    return tree, archive


def run(*command):
    subprocess.run([str(part) for part in command], check=True, capture_output=True)


def command_seconds(given, data, directory, form):
    """The seconds that the command takes for all proofs, written to a file."""
    tree, archive = data
    output = directory / f"proofs.{form}"
    started = time.perf_counter()
    run(given.slproof, "prove", "-q", "--tree", tree, "--messages", archive, "--all", "--format", form, "-o", output)
    seconds = time.perf_counter() - started
    output.unlink()
    return seconds


def wheel_seconds(data):
    """The seconds that the wheel takes for all proofs as record batches, opening the files included."""
    started = time.perf_counter()
    proofs = sum(batch.num_rows for batch in slproof.open(*data).prove_all())
    return proofs, time.perf_counter() - started


def memory():
    """The bytes of this process besides mapped files."""
    fields = pathlib.Path("/proc/self/status").read_text().split()
    return int(fields[fields.index("RssAnon:") + 1]) << 10


def memory_of(data, wanted):
    """Makes this number of proofs with one prover. Yields the proofs so far and the highest memory, after each tenth."""
    prover = slproof.open(*data)
    made, tenth, highest = 0, 1, 0
    while made < wanted:
        for batch in prover.prove_all():
            made += batch.num_rows
            highest = max(highest, memory())
            if made * 10 >= wanted * tenth:
                yield made, highest
                tenth = made * 10 // wanted + 1
                highest = 0
            if made >= wanted:
                break


def main():
    parser = argparse.ArgumentParser(description="Compares the wheel with the command line.")
    parser.add_argument("--slproof", required=True, help="the program")
    parser.add_argument("--synthesize", required=True, help="the example that makes the data")
    parser.add_argument("--logs", type=int, default=1_000_000, help="the number of logs of the data")
    parser.add_argument("--proofs", type=int, default=10_000_000, help="the number of proofs of which memory is measured")
    parser.add_argument("--runs", type=int, default=3, help="how often each is run")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        data = make_data(given, directory)
        seconds = {"ndjson": [], "parquet": [], "wheel": []}
        for _ in range(given.runs):
            for form in ("ndjson", "parquet"):
                seconds[form].append(command_seconds(given, data, directory, form))
            proofs, taken = wheel_seconds(data)
            seconds["wheel"].append(taken)
        best = {name: min(taken) for name, taken in seconds.items()}
        print(f"proofs             {proofs:,}, best of {given.runs} runs")
        for form in ("ndjson", "parquet"):
            rate = f"{proofs / best[form]:,.0f} a second"
            print(f"command, {form:<9} {rate}; the wheel makes {best[form] / best['wheel']:.0%} of it")
        print(f"wheel              {proofs / best['wheel']:,.0f} a second")
        for made, highest in memory_of(data, given.proofs):
            print(f"memory             {highest / MIB:,.0f} MiB up to {made:,} proofs", flush=True)


if __name__ == "__main__":
    main()
