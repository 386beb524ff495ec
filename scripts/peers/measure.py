"""Takes turns: every program steps a little in each round, and the median of the rounds counts."""

import math
import statistics
import time
from dataclasses import dataclass, field

from peers import machine, process

# Steps that a program takes at the most in a round. With the same gradient at each, parameters grow by about 1 % a
# step: within all rounds they stay far from overflow.
MOST_STEPS = 200
# Bytes of an element that all programs hold together: parameters, gradients, moments, and what the peers allocate.
BYTES_OF_AN_ELEMENT = 130
# Seconds before a program's turn: threads of the one before may still look for work.
PAUSE = 0.2
# Seconds for what is compiled once for all workloads: DeepSpeed's kernels are.
FIRST_COMPILATION = 600


@dataclass
class Settings:
    rounds: int
    # How long a program runs in a round, unless a single step takes longer.
    seconds: float
    # How long the compiler of a peer may take for one workload.
    compiling: float


@dataclass
class Measurement:
    """Seconds of a step, one number a round; or why there are none."""

    seconds: list = field(default_factory=list)
    steps: int = 0
    failure: str | None = None

    @property
    def median(self):
        return statistics.median(self.seconds) if self.seconds else None


class Contest:
    """All programs on so many threads, each in a process that idles while others run."""

    def __init__(self, programs, executable, threads, settings):
        self.programs = programs
        self.executable = executable
        self.threads = threads
        self.settings = settings
        self.processes = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for running in self.processes.values():
            running.kill()

    def start(self, excluded):
        """Starts all programs but those excluded. Returns those that cannot run, with the reason."""
        # Whoever is killed while it compiles an extension leaves a lock behind, which the next one would wait for.
        for lock in process.CACHE.glob("extensions/**/lock"):
            lock.unlink()
        results = {program.id: Measurement(failure=excluded.get(program.id)) for program in self.programs}
        self._prepare({"shapes": [[16, 16]]}, results, FIRST_COMPILATION, FIRST_COMPILATION)
        return {
            program: results[program.id].failure
            for program in self.programs
            if program.id not in excluded and results[program.id].failure
        }

    def measure(self, workload, excluded):
        """A measurement for each program; without running those whose ids are excluded, by reason."""
        results = {program.id: Measurement(failure=excluded.get(program.id)) for program in self.programs}
        elements = sum(math.prod(shape) for shape in workload["shapes"])
        available = machine.available_memory()
        if available is not None and elements * BYTES_OF_AN_ELEMENT > available:
            gigabytes = elements * BYTES_OF_AN_ELEMENT / 1e9
            for result in results.values():
                result.failure = result.failure or f"{gigabytes:.0f} GB of memory needed"
            return results

        self._prepare(workload, results, self.settings.compiling, FIRST_COMPILATION)
        for program in self._running(results):
            result = results[program.id]
            if (seconds := self._run(program, result, 1)) is not None:
                result.steps = min(MOST_STEPS, max(1, round(self.settings.seconds / max(seconds, 1e-7))))
        for _ in range(self.settings.rounds):
            for program in self._running(results):
                result = results[program.id]
                if (seconds := self._run(program, result, result.steps)) is not None:
                    result.seconds.append(seconds / result.steps)
        for program in self._running(results):
            self.processes[program.id].ask(60, do="release")
        return results

    def _running(self, results):
        return [program for program in self.programs if results[program.id].failure is None]

    def _prepare(self, workload, results, compiling, others):
        # All at once: nobody measures yet.
        for program in self._running(results):
            if program.id not in self.processes:
                self.processes[program.id] = self._start(program)
            command = {"do": "prepare", "threads": self.threads, "shapes": workload["shapes"]}
            self.processes[program.id].send(command | (program.command or {}))
        start = time.monotonic()
        for program in self._running(results):
            limit = compiling if program.compiles else others
            try:
                self.processes[program.id].receive(max(0.1, start + limit - time.monotonic()))
            except process.Late:
                self._give_up(program, results[program.id], f"not ready after {limit} s")
            except process.Failure as failure:
                self._give_up(program, results[program.id], str(failure))

    def _run(self, program, result, steps):
        time.sleep(PAUSE)
        try:
            return self.processes[program.id].ask(120, do="run", steps=steps)["seconds"]
        except process.Failure as failure:
            self._give_up(program, result, str(failure))

    def _give_up(self, program, result, reason):
        result.failure = reason
        result.seconds = []
        # The next workload gets a new one.
        self.processes.pop(program.id).kill()

    def _start(self, program):
        if program.command is not None:
            return process.ours(self.executable, self.threads, f"ours-{program.id}")
        return process.peer(program, self.threads)
