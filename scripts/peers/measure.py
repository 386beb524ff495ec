"""Runs the programs in turns: each one steps for a short time in each round, and the median of the rounds counts."""

import math
import statistics
import time
from dataclasses import dataclass, field

from peers import machine, process

# The maximum number of steps of a program in a round. The gradient is the same at each step, so parameters
# grow by about 1 % per step. Within all rounds, they stay far from overflow.
MOST_STEPS = 200
# The bytes per element that all programs hold together: parameters, gradients, moments, and the allocations
# of the peers.
BYTES_OF_AN_ELEMENT = 130
# The pause in seconds before a program's turn, because threads of the previous program may still look for
# work.
PAUSE = 0.2
# The time limit in seconds for code that is compiled once for all workloads, such as DeepSpeed's kernels.
FIRST_COMPILATION = 600


@dataclass
class Settings:
    rounds: int
    # The duration of a program's turn in a round, unless a single step takes longer.
    seconds: float
    # The time limit of a peer's compiler for one workload.
    compiling: float


@dataclass
class Measurement:
    """The seconds of a step, one number per round, or the reason why there are none."""

    seconds: list = field(default_factory=list)
    steps: int = 0
    failure: str | None = None

    @property
    def median(self):
        return statistics.median(self.seconds) if self.seconds else None


class Contest:
    """All programs on a given number of threads, each in a process that is idle while others run."""

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
        """Starts all programs except the excluded ones. Returns the programs that cannot run, with the reason."""
        # A process that is killed while it compiles an extension leaves a lock, which the next one would wait
        # for.
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
        """Returns a measurement for each program. Excluded programs are not run; `excluded` gives the reason by id."""
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
        # All programs prepare at the same time, because nothing is measured yet.
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
        # The next workload gets a new process.
        self.processes.pop(program.id).kill()

    def _start(self, program):
        if program.command is not None:
            return process.ours(self.executable, self.threads, f"ours-{program.id}")
        return process.peer(program, self.threads)
