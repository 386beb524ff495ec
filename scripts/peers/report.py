"""The comparison as text, Markdown and data."""

from dataclasses import dataclass

from peers import machine


def number(value):
    """Returns a number with three digits, without an exponent."""
    if value >= 100:
        return f"{value:,.0f}"
    digits = 1
    while digits < 4 and value < 10 ** (2 - digits):
        digits += 1
    return f"{value:.{digits}f}"


@dataclass
class Comparison:
    date: str
    machine: dict
    versions: dict
    quick: bool
    settings: object
    workloads: list
    programs: list
    threads: list
    results: dict

    @property
    def default(self):
        """Our Adafactor on the default backend, which all ratios are relative to."""
        return self.programs[0]

    def ratio(self, workload, threads, program):
        """Returns the time divided by ours, or None if either did not run."""
        row = self.results[workload["id"], threads]
        theirs, ours = row[program.id].median, row[self.default.id].median
        return theirs / ours if theirs is not None and ours is not None else None

    def _cell(self, workload, threads, program):
        median = self.results[workload["id"], threads][program.id].median
        if median is None:
            return "–"
        text = number(median * 1e3)
        ratio = self.ratio(workload, threads, program)
        return text if program is self.default or ratio is None else f"{text} ({number(ratio)} ×)"

    def _rows(self, threads):
        return [
            [work["name"], *(self._cell(work, threads, program) for program in self.programs)]
            for work in self.workloads
        ]

    def _caption(self, threads):
        return (
            f"Milliseconds per step in Float32, {threads} thread{'s' if threads > 1 else ''}. In brackets: the time divided by"
            f" the time of \"{self.default.title}\""
        )

    def text(self):
        """Returns the report for a terminal."""
        parts = []
        for threads in self.threads:
            # One word per line, so that columns are as narrow as their numbers.
            titles = [["work"], *(program.title.split(" ") for program in self.programs)]
            height = max(len(title) for title in titles)
            titles = [[""] * (height - len(title)) + title for title in titles]
            rows = [list(line) for line in zip(*titles)] + self._rows(threads)
            widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
            lines = []
            for row in rows:
                cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
                lines.append("  ".join([row[0].ljust(widths[0]), *cells]).rstrip())
            lines.insert(height, "─" * max(len(line) for line in lines))
            parts.append("\n".join([self._caption(threads), "", *lines, ""]))
        return "\n".join(parts)

    def markdown(self):
        lines = [
            "# Optimizer steps compared with other libraries'",
            "",
            f"{self.date}, {machine.line(self.machine)}."
            f" {', '.join(f'{name} {version}' for name, version in self.versions.items())}.",
            "",
            f"Made by `scripts/benchmark --peers{' --quick' if self.quick else ''}`: all programs take turns in one run"
            f" of {self.settings.rounds} rounds, and times are medians. ../README.md describes the method.",
        ]
        notes = {program.id: index + 1 for index, program in enumerate(p for p in self.programs if p.difference)}
        for threads in self.threads:
            titles = [
                program.title + (f" [{notes[program.id]}]" if program.id in notes else "") for program in self.programs
            ]
            lines += ["", f"{self._caption(threads)}.", ""]
            lines += ["| work | " + " | ".join(titles) + " |", "| --- |" + " ---: |" * len(titles)]
            lines += ["| " + " | ".join(row) + " |" for row in self._rows(threads)]
        lines += ["", f"![Times divided by the time of \"{self.default.title}\"](peers.svg)", ""]
        lines += ["Memory traffic is the minimum traffic of a step, moved by plain loops. Within caches, it is no lower bound."]
        lines += ["The other programs compute:", ""]
        lines += [f"{notes[program.id]}. {program.difference}" for program in self.programs if program.difference]
        failures = self._failures()
        if failures:
            lines += ["", "Not measured (–):", "", *(f"- {failure}" for failure in failures)]
        return "\n".join(lines) + "\n"

    def _failures(self):
        told = []
        for program in self.programs:
            reasons = {}
            for workload in self.workloads:
                for threads in self.threads:
                    if failure := self.results[workload["id"], threads][program.id].failure:
                        reasons.setdefault(failure, {})[workload["name"]] = None
            for failure, names in reasons.items():
                told.append(f"{program.title}, {', '.join(names)}: {failure}")
        return told

    def data(self):
        return {
            "date": self.date,
            "machine": self.machine,
            "versions": self.versions,
            "rounds": self.settings.rounds,
            "ratios to": self.default.id,
            "programs": {program.id: program.title for program in self.programs},
            "works": {work["id"]: work["name"] for work in self.workloads},
            "results": [
                {
                    "work": workload["id"],
                    "threads": threads,
                    "program": program.id,
                    "milliseconds": _milliseconds(result.median),
                    "ratio": _rounded(self.ratio(workload, threads, program)),
                    "steps per round": result.steps,
                    "rounds": [_milliseconds(seconds) for seconds in result.seconds],
                    **({"failure": result.failure} if result.failure else {}),
                }
                for threads in self.threads
                for workload in self.workloads
                for program in self.programs
                for result in [self.results[workload["id"], threads][program.id]]
            ],
        }


def _milliseconds(seconds):
    return None if seconds is None else float(f"{seconds * 1e3:.4g}")


def _rounded(ratio):
    return None if ratio is None else float(f"{ratio:.4g}")
