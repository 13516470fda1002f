"""Times tend, DuckDB and Polars from Parquet files to the same feature matrix, and checks that the three agree.

    python compare.py DATA --tend BINARY [--moment 2025-12-31] [--rounds 3]

DATA is the folder of `tend simulate --customers 1000000 --seed 1 --out DATA`; BINARY is what
`cargo build --release --bench snapshots` made. Each program runs in a process of its own, once a round, in an order that
rotates. CPU seconds are user and system time of the whole process, peak memory is its largest resident set, both as the
operating system counts them. A last, untimed run of each writes the matrix, and the matrices are compared.
"""

import argparse
import datetime
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

PROGRAMS = ("tend", "duckdb", "polars")
# Equal up to the order in which sums are rounded.
RELATIVE = 1e-9
# What was bought and returned cancels: a sum of money, or a share of one, up to this much is 0 but for rounding.
ABSOLUTE = 1e-9
CATEGORIES = ["books", "coffee", "garden", "kitchen", "toys", "wellness"]


def main() -> None:
    arguments = parsed()
    if arguments.child:
        run_child(arguments)
        return
    runs = {program: [] for program in PROGRAMS}
    for round_number in range(arguments.rounds):
        for place in range(len(PROGRAMS)):
            program = PROGRAMS[(place + round_number) % len(PROGRAMS)]
            run = measured(command(arguments, program, None))
            runs[program].append(run)
            print(f"round {round_number + 1} {program}: {run}", file=sys.stderr)
    report(runs)
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as folder:
        files = {program: os.path.join(folder, f"{program}.parquet") for program in PROGRAMS}
        for program, file in files.items():
            subprocess.run(command(arguments, program, file), check=True, stdout=subprocess.DEVNULL)
        agree(files)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--tend", required=True)
    parser.add_argument("--moment", type=datetime.date.fromisoformat, default=datetime.date(2025, 12, 31))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scratch", help="folder for the matrices that are compared")
    parser.add_argument("--child", choices=("duckdb", "polars"), help=argparse.SUPPRESS)
    parser.add_argument("--write", help=argparse.SUPPRESS)
    return parser.parse_args()


def command(arguments: argparse.Namespace, program: str, write: str | None) -> list[str]:
    moment = arguments.moment.isoformat()
    if program == "tend":
        line = [arguments.tend, arguments.data, moment]
    else:
        line = [sys.executable, __file__, arguments.data, "--tend", "", "--moment", moment, "--child", program]
    return line + (["--write", write] if write else [])


def run_child(arguments: argparse.Namespace) -> None:
    """Makes the matrix in this process and, if asked, writes it."""
    moment = datetime.datetime.combine(arguments.moment, datetime.time(), datetime.timezone.utc)
    build = importlib.import_module(f"features_{arguments.child}").build
    made = build(arguments.data, int(moment.timestamp()), CATEGORIES)
    if arguments.write and arguments.child == "duckdb":
        made.execute(f"COPY features TO '{arguments.write}' (FORMAT parquet)")
    elif arguments.write:
        made.write_parquet(arguments.write)


def measured(line: list[str]) -> dict:
    """CPU and wall seconds and peak MiB of one process, with what it says of itself."""
    began = time.monotonic()
    process = subprocess.Popen(line, stdout=subprocess.PIPE)
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{line} failed with status {status}")
    phases = json.loads(said) if said else {}
    return {
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 2),
        "wall_s": round(time.monotonic() - began, 2),
        "peak_mib": round(usage.ru_maxrss / 1024),
        **{name: round(phases[name], 2) for name in ("read_cpu_s", "build_cpu_s", "snapshot_cpu_s") if name in phases},
    }


def report(runs: dict) -> None:
    median = lambda program, what: statistics.median(run[what] for run in runs[program])
    print("| program | CPU seconds | against tend | wall seconds | peak MiB |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for program in PROGRAMS:
        cpu = median(program, "cpu_s")
        ratio = cpu / median("tend", "cpu_s")
        print(
            f"| {program} | {cpu:.1f} | {ratio:.2f} | {median(program, 'wall_s'):.1f} |"
            f" {median(program, 'peak_mib'):.0f} |"
        )
    phases = ", ".join(f"{name} {median('tend', f'{name}_cpu_s'):.1f}" for name in ("read", "build", "snapshot"))
    print(f"\ntend's CPU seconds by phase: {phases}")
    fastest = min(median(program, "cpu_s") for program in PROGRAMS[1:])
    print(f"tend against the faster of the others: {median('tend', 'cpu_s') / fastest:.2f}")


def agree(files: dict) -> None:
    """Ends the program with an error unless every value of every customer is the same in all three."""
    import numpy
    import polars

    def numbers(column):
        return column.cast(polars.Float64).fill_null(numpy.nan).to_numpy()

    frames = {program: polars.read_parquet(file).sort("customer_id") for program, file in files.items()}
    ours = frames["tend"]
    failed = False
    for program in PROGRAMS[1:]:
        theirs = frames[program]
        same_customers = ours["customer_id"].equals(theirs["customer_id"])
        missing = sorted(set(ours.columns) ^ set(theirs.columns))
        if not same_customers or missing:
            sys.exit(f"{program}: same customers {same_customers}, features that only one has: {missing}")
        worst, values = (0.0, "none"), 0
        for name in ours.columns[1:]:
            one, other = numbers(ours[name]), numbers(theirs[name])
            # An unknown that only one has makes the gap unknown, and no comparison with it holds.
            gap = numpy.where(numpy.isnan(one) & numpy.isnan(other), 0, numpy.abs(one - other))
            size = numpy.fmax(numpy.abs(one), numpy.abs(other))
            relative = numpy.where(size <= ABSOLUTE, gap, gap / numpy.fmax(size, ABSOLUTE))
            wrong = ~(relative <= RELATIVE)
            values += len(one)
            if wrong.any():
                failed = True
                row = int(numpy.flatnonzero(wrong)[0])
                who = ours["customer_id"][row]
                print(f"{program} {name}: {wrong.sum()} differ, first {who}: tend {one[row]}, {program} {other[row]}")
            worst = max(worst, (float(relative.max(initial=0)), name))
        print(
            f"tend and {program}: {values} values compared, largest relative difference {worst[0]:.1e} in {worst[1]}"
        )
    if failed:
        sys.exit("the programs do not agree")


if __name__ == "__main__":
    main()
