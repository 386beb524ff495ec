"""The comparison with other libraries: scripts/benchmark --peers."""

import datetime
import json
import math

from peers import charts, machine, measure, parity, process, programs, report
from peers.progress import Progress

FULL = measure.Settings(rounds=5, seconds=0.06, compiling=90)
QUICK = measure.Settings(rounds=3, seconds=0.03, compiling=40)
QUICK_WORKLOADS = ["4096x4096", "256x256", "8x512k", "lora"]


def main(arguments):
    settings = QUICK if arguments.quick else FULL
    listing = process.ours(arguments.executable, 1, "list")
    answer = listing.ask(60, do="list")["list"]
    listing.kill()
    backends = answer["backends"]
    workloads = _chosen(answer["workloads"], arguments)
    contestants = [*programs.ours(backends), programs.PYTHON, programs.TRAFFIC, *programs.PEERS]
    threads = sorted({min(2, machine.processors()), 1}, reverse=True)
    if arguments.quick:
        threads = threads[:1]

    # The check of a large workload takes about as long as its measurement on one number of threads.
    checked = [] if arguments.quick else workloads
    weights = {work["id"]: 3e6 + sum(math.prod(shape) for shape in work["shapes"]) for work in workloads}
    progress = Progress(sum(weights[work["id"]] * len(threads) for work in workloads))
    worst = parity.check(arguments.executable, backends, threads[0], checked, progress)
    progress.note(f"Ours and transformers' compute the same step: the largest error is {worst:.0%} of the allowed error.")

    # The reason why a program runs nowhere, by program.
    absent = {}
    results = {}
    for count in threads:
        with measure.Contest(contestants, arguments.executable, count, settings) as contest:
            progress.show("starting the programs; the first time, some compile their kernels, which takes minutes")
            for program, failure in contest.start(absent).items():
                absent[program.id] = failure
                progress.note(f"{program.title} is skipped: {failure}")
            for workload in workloads:
                progress.show(f"{workload['name']}, {count} thread{'s' if count > 1 else ''}")
                # If compiling once took too long, it would take too long again.
                earlier = results.get((workload["id"], threads[0]), {})
                excluded = {name: result.failure for name, result in earlier.items() if result.failure} | absent
                row = contest.measure(workload, excluded)
                for program in contestants:
                    if row[program.id].failure and program.id not in excluded:
                        progress.note(f"{workload['name']}, {program.title}: {row[program.id].failure}")
                results[workload["id"], count] = row
                progress.advance(weights[workload["id"]])
    progress.finish()

    comparison = report.Comparison(
        date=datetime.date.today().isoformat(),
        machine=machine.description(),
        versions=machine.versions(["torch", "transformers", "jax", "optax", "mlx", "deepspeed"]),
        quick=arguments.quick,
        settings=settings,
        workloads=workloads,
        programs=contestants,
        threads=threads,
        results=results,
    )
    print(comparison.text())
    arguments.output.mkdir(parents=True, exist_ok=True)
    files = {
        "peers.md": comparison.markdown(),
        "peers.json": json.dumps(comparison.data(), indent=1, ensure_ascii=False) + "\n",
    }
    for name, contents in files.items():
        (arguments.output / name).write_text(contents)
    charts.ratios(comparison.data(), arguments.output / "peers.svg")
    print(f"Written: {', '.join([*files, 'peers.svg'])} in {arguments.output}")


def _chosen(workloads, arguments):
    known = [work["id"] for work in workloads]
    chosen = arguments.workloads or (QUICK_WORKLOADS if arguments.quick else known)
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise process.Failure(f"There is no workload {unknown[0]}; choose from {', '.join(known)}.")
    return [work for work in workloads if work["id"] in chosen]
