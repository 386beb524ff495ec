"""The cost of a step as the work grows: scripts/benchmark --scaling."""

import datetime
import json
import statistics
from dataclasses import dataclass

from peers import charts, machine, process, programs, report
from peers.progress import Progress

# About 10³, 10³·⁵, … 10⁸ elements, in square matrices.
SIDES = [32, 56, 100, 178, 316, 562, 1_000, 1_778, 3_162, 5_623, 10_000]
# One size within the caches of a core, and one beyond the processor's caches.
THREAD_SIDES = [512, 4_096]
ROUNDS = 5
SECONDS = 0.05
MOST_STEPS = 200


def main(arguments):
    cores = machine.processors()
    counts = sorted({1, cores, *(2**power for power in range(1, cores.bit_length()))})
    subject = process.ours(arguments.executable, cores, "scaling")
    try:
        backends = subject.ask(60, do="list")["list"]["backends"]
        contestants = [program for program in programs.ours(backends) if program.id in backends] + [programs.TRAFFIC]
        sides = SIDES[:7] if arguments.quick else SIDES
        work = [(side, cores) for side in sides]
        work += [(side, count) for side in THREAD_SIDES for count in counts]
        work = list(dict.fromkeys(work))
        progress = Progress(sum(_weight(side) for side, _ in work))
        times = {}
        for side, threads in work:
            progress.show(f"{side:,} × {side:,}, {threads} thread{'s' if threads > 1 else ''}")
            for program in contestants:
                times[program.id, side, threads] = _measure(subject, program, side, threads)
            progress.advance(_weight(side))
        progress.finish()
    finally:
        subject.kill()

    scaling = Scaling(
        date=datetime.date.today().isoformat(),
        machine=machine.description(),
        programs=contestants,
        sides=sides,
        threads=counts,
        times=times,
    )
    print(scaling.markdown())
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "scaling.md").write_text(scaling.markdown())
    (arguments.output / "scaling.json").write_text(json.dumps(scaling.data(), indent=1, ensure_ascii=False) + "\n")
    charts.growth(scaling.data(), arguments.output / "scaling.svg")
    print(f"Written: scaling.md, scaling.json, scaling.svg in {arguments.output}")


def _weight(side):
    return side * side + 3e6


def _measure(subject, program, side, threads):
    """Returns the median seconds of a step."""
    subject.ask(60, do="prepare", threads=threads, shapes=[[side, side]], **program.command)
    once = subject.ask(60, do="run", steps=1)["seconds"]
    steps = min(MOST_STEPS, max(1, round(SECONDS / max(once, 1e-7))))
    times = [subject.ask(60, do="run", steps=steps)["seconds"] / steps for _ in range(ROUNDS)]
    subject.ask(60, do="release")
    return statistics.median(times)


@dataclass
class Scaling:
    date: str
    machine: dict
    programs: list
    sides: list
    threads: list
    times: dict

    def lines_by_size(self):
        """Returns (id, title, [(elements, nanoseconds per element)]) of each program, on all threads."""
        count = self.threads[-1]
        return [
            (
                program.id,
                program.title,
                [(side * side, self.times[program.id, side, count] / side / side * 1e9) for side in self.sides],
            )
            for program in self.programs
        ]

    def lines_by_threads(self):
        """Returns (id, title, within the cache, [(threads, milliseconds)]) of each program and size."""
        return [
            (
                program.id,
                f"{program.title}, {side:,} × {side:,}",
                side == THREAD_SIDES[0],
                [(count, self.times[program.id, side, count] * 1e3) for count in self.threads],
            )
            for side in THREAD_SIDES
            for program in self.programs
        ]

    def markdown(self):
        titles = [program.title for program in self.programs]
        lines = [
            "# Cost as work grows",
            "",
            f"{self.date}, {machine.line(self.machine)}. Made by `scripts/benchmark --scaling`: medians of {ROUNDS}"
            " rounds, Float32.",
            "",
            "![Time per element over the number of elements](scaling.svg)",
            "",
            f"Nanoseconds per element of one Adafactor step over a square matrix, {self.threads[-1]} threads. Memory"
            " traffic is the minimum traffic of a step. Within caches, it is no lower bound.",
            "",
            "| elements | " + " | ".join(titles) + " |",
            "| ---: |" + " ---: |" * len(titles),
        ]
        columns = [[value for _, value in points] for _, _, points in self.lines_by_size()]
        for row, side in enumerate(self.sides):
            lines.append(
                f"| {side * side:,} | " + " | ".join(report.number(column[row]) for column in columns) + " |"
            )
        lines += ["", "Milliseconds per step.", "", "| | " + " | ".join(_threads(count) for count in self.threads) + " |"]
        lines.append("| --- |" + " ---: |" * len(self.threads))
        for _, title, _, points in self.lines_by_threads():
            lines.append(f"| {title} | " + " | ".join(report.number(value) for _, value in points) + " |")
        return "\n".join(lines) + "\n"

    def data(self):
        return {
            "date": self.date,
            "machine": self.machine,
            "programs": {program.id: program.title for program in self.programs},
            "sides": self.sides,
            "results": [
                {"program": name, "rows": side, "columns": side, "threads": threads, "seconds": float(f"{time:.4g}")}
                for (name, side, threads), time in self.times.items()
            ],
        }


def _threads(count):
    return f"{count} thread{'s' if count > 1 else ''}"
