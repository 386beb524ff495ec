"""Muon and SOAP compared with torch's and pytorch-optimizer's: scripts/benchmark --matrices, and part of --peers."""

import datetime
import json
import statistics
import time
from dataclasses import dataclass

from peers import machine, process
from peers.progress import Progress
from peers.report import number

# Hidden matrices, and one of each hidden shape of GPT-2 small.
SHAPES = [(256, 256), (512, 512), (1024, 1024), (2048, 2048), (768, 2304), (768, 768), (768, 3072), (3072, 768)]
QUICK_SHAPES = [(256, 256), (768, 768)]
# A refresh of SOAP's bases in every step, and no refresh at all: the difference is the time of a refresh.
EVERY_STEP, NEVER = 1, 10**6
# The default number of updates between refreshes.
FREQUENCY = 10
# The pause in seconds before a program's turn, because threads of the previous program may still look for
# work.
PAUSE = 0.2


@dataclass(frozen=True)
class Program:
    id: str
    # The arguments of `prepare` for our program, or None for another worker.
    command: dict | None = None
    options: dict | None = None

    def start(self, executable, threads):
        return process.ours(executable, threads, self.id) if self.command else process.peer(self, threads)

    def settings(self, threads, shape):
        settings = {"do": "prepare", "threads": threads, "shapes": [shape], "fresh": True}
        return settings | (self.command or {}) | ({"options": self.options} if self.options else {})


def _soap(frequency):
    return {"optimizer": "soap", "backend": "openblas", "soap": {"precondition_frequency": frequency}}


@dataclass(frozen=True)
class Peer(Program):
    """A program of another library. A worker that runs with several options is one program per set of options."""

    worker: str = ""

    def start(self, executable, threads):
        return process.peer(Program(self.worker), threads)


PROGRAMS = [
    Program("products", {"optimizer": "products", "backend": "openblas"}),
    Program("muon", {"optimizer": "muon", "backend": "openblas"}),
    Peer("torch-muon", worker="torch-muon"),
    Program("soap", _soap(NEVER)),
    Program("soap-refresh", _soap(EVERY_STEP)),
    Peer("peer-soap", options={"precondition_frequency": NEVER}, worker="pytorch-optimizer-soap"),
    Peer("peer-soap-refresh", options={"precondition_frequency": EVERY_STEP}, worker="pytorch-optimizer-soap"),
]


def operations(program, n, m):
    """Returns the operations of the products of a step: 2mnk for a general product, n²k for a symmetric one."""
    short, long = min(n, m), max(n, m)
    return {
        "products": 2 * n * m * (n + m),
        # Five times A = XXᵀ, A², and a product with X.
        "muon": 5 * (3 * short * short * long + short**3),
        # Two rotations, and G Gᵀ and Gᵀ G.
        "soap": 5 * n * m * (n + m),
    }[program]


def main(arguments):
    rounds, seconds = (2, 0.1) if arguments.quick else (3, 0.2)
    shapes = QUICK_SHAPES if arguments.quick else SHAPES
    threads = [min(2, machine.processors())]
    progress = Progress(sum(n * m * (n + m) for n, m in shapes) * len(threads))
    results = {}
    for count in threads:
        for shape in shapes:
            progress.show(f"{shape[0]} × {shape[1]}, {count} thread{'s' if count > 1 else ''}")
            row = measure(arguments.executable, count, shape, rounds, seconds, progress)
            results[count, shape] = row
            progress.note(", ".join(f"{id} {result['step'] * 1e3:.4g} ms" for id, result in row.items()))
            progress.advance(shape[0] * shape[1] * sum(shape))
    progress.finish()
    text = report(results, threads, shapes, rounds)
    print(text)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "matrices.md").write_text(text)
    data = [
        {"threads": count, "shape": shape, "program": id, "milliseconds": _rounded(result)}
        for (count, shape), row in results.items()
        for id, result in row.items()
    ]
    (arguments.output / "matrices.json").write_text(json.dumps(data, indent=1) + "\n")
    print(f"Written: matrices.md, matrices.json in {arguments.output}")


def _rounded(result):
    return {key: value if key == "stateBytes" else float(f"{value * 1e3:.4g}") for key, value in result.items()}


def measure(executable, threads, shape, rounds, seconds, progress):
    """Returns, by program, the seconds of the first step, the median of later steps, and the bytes of the state."""
    running, results, steps, times = {}, {}, {}, {}
    try:
        for program in PROGRAMS:
            try:
                running[program.id] = program.start(executable, threads)
                running[program.id].ask(600, **program.settings(threads, shape))
                time.sleep(PAUSE)
                first = running[program.id].ask(600, do="first")
                results[program.id] = {"first": first["seconds"], "stateBytes": first.get("stateBytes", 0)}
                once = running[program.id].ask(600, do="run", steps=1)["seconds"]
                steps[program.id], times[program.id] = max(1, min(200, round(seconds / once))), []
            except process.Failure as failure:
                progress.note(f"{program.id}, {shape[0]} × {shape[1]}: {failure}")
                results.pop(program.id, None)
        for _ in range(rounds):
            for id, count in steps.items():
                time.sleep(PAUSE)
                times[id].append(running[id].ask(600, do="run", steps=count)["seconds"] / count)
    finally:
        for program in running.values():
            program.kill()
    return {id: results[id] | {"step": statistics.median(times[id])} for id in times}


def report(results, threads, shapes, rounds):
    versions = machine.versions(["torch", "pytorch-optimizer"])
    lines = [
        "# Muon and SOAP compared with other libraries'",
        "",
        f"{datetime.date.today().isoformat()}, {machine.line(machine.description())}."
        f" {', '.join(f'{name} {version}' for name, version in versions.items())}.",
        "",
        f"Made by `scripts/benchmark --matrices`: all programs take turns in one run of {rounds} rounds. Times are"
        " medians of a step in Float32, on OpenBLAS. In brackets: the time divided by ours. The columns \"of"
        " sgemm\" show the rate at which a whole step computes its products, counting 2mnk operations for a"
        " general product and n²k for a symmetric one, relative to two calls of `sgemm` of the same sizes. SOAP is"
        " the mean of ten updates with one refresh. torch's Muon multiplies in BFloat16, ours in Float32.",
    ]
    for count in threads:
        lines += ["", f"## {count} thread{'s' if count > 1 else ''}", ""]
        rows = [["matrix", "sgemm, GFLOP/s", "Muon, ms", "of sgemm", "torch's Muon, ms", "SOAP, ms", "of sgemm, without refresh",
                 "pytorch-optimizer's SOAP, ms"]]
        for shape in shapes:
            row = results[count, shape]
            rate = operations("products", *shape) / row["products"]["step"]
            cells = [f"{shape[0]} × {shape[1]}", f"{rate / 1e9:.0f}"]
            cells += [number(row["muon"]["step"] * 1e3), _share(row, "muon", shape, rate), _peer(row, "torch-muon", _step, row["muon"]["step"])]
            ours = _mean(row, "soap")
            cells += [number(ours * 1e3), _share(row, "soap", shape, rate), _peer(row, "peer-soap", _mean, ours)]
            rows.append(cells)
        lines += _table(rows)
        rows = [["matrix", "SOAP: refresh, ms", "pytorch-optimizer's", "SOAP: first step, ms", "pytorch-optimizer's",
                 "state: Muon", "torch's", "SOAP", "pytorch-optimizer's"]]
        for shape in shapes:
            row = results[count, shape]
            ours, first = _refresh(row, "soap"), row["soap"]["first"]
            rows.append(
                [f"{shape[0]} × {shape[1]}", number(ours * 1e3), _peer(row, "peer-soap", _refresh, ours), number(first * 1e3),
                 _peer(row, "peer-soap", _first, first), *(_bytes(row, id) for id in ("muon", "torch-muon", "soap", "peer-soap"))]
            )
        lines += ["", *_table(rows)]
    return "\n".join(lines) + "\n"


def _step(row, id):
    return row[id]["step"]


def _first(row, id):
    return row[id]["first"]


def _refresh(row, id):
    return row[f"{id}-refresh"]["step"] - row[id]["step"]


def _mean(row, id):
    return row[id]["step"] + _refresh(row, id) / FREQUENCY


def _share(row, id, shape, rate):
    return f"{operations(id, *shape) / row[id]['step'] / rate:.0%}"


def _peer(row, id, value, ours):
    if id not in row:
        return "–"
    theirs = value(row, id)
    return f"{number(theirs * 1e3)} ({number(theirs / ours)} ×)"


def _bytes(row, id):
    return f"{row[id]['stateBytes'] / 2**20:.1f} MiB" if id in row else "–"


def _table(rows):
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return [head, "| --- |" + " ---: |" * (len(rows[0]) - 1), *body]
