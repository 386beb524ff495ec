"""A program in a separate process, which only carries out commands."""

import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Logs and compiled code of the peers, in a folder that git ignores.
CACHE = ROOT / "Benchmarks/.build/peers"


class Failure(Exception):
    """A program could not carry out a command."""


class Late(Failure):
    """A program did not answer in time."""


class Process:
    """A process that answers commands in order. `kill` ends it at any time."""

    def __init__(self, name, arguments, threads):
        CACHE.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.log = CACHE / f"{name}-{threads}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment(threads),
                preexec_fn=lambda: limit_processors(threads),
            )
        self.answers = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.answers.put(line)
        self.answers.put(None)

    def send(self, command):
        try:
            self.process.stdin.write(json.dumps(command) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # `receive` reports why the process ended.

    def receive(self, seconds=None):
        """Returns the next answer, and kills the program if it takes longer than `seconds`."""
        try:
            line = self.answers.get(timeout=seconds)
        except queue.Empty:
            self.kill()
            raise Late(f"no answer in {seconds:.0f} s") from None
        if line is None:
            raise Failure(f"ended with status {self.process.wait()}: see {self.log.relative_to(ROOT)}")
        answer = json.loads(line)
        if "error" in answer:
            raise Failure(answer["error"])
        return answer

    def ask(self, seconds=None, **command):
        self.send(command)
        return self.receive(seconds)

    def kill(self):
        self.process.kill()
        self.process.wait()


def ours(executable, threads, name="ours"):
    return Process(name, [executable], threads)


def peer(program, threads):
    return Process(program.id, [sys.executable, "-m", "peers.workers", program.id, str(threads)], threads)


def environment(threads):
    """Returns the variables that set the size of each library's thread pool and the folder of its compiler's results."""
    count = str(threads)
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "scripts"), str(ROOT / "Sources/Python")]),
        # Tools that come with packages, such as ninja.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
        "CUDA_VISIBLE_DEVICES": "",
        "DS_ACCELERATOR": "cpu",
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": str(CACHE / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "TORCHINDUCTOR_CACHE_DIR": str(CACHE / "inductor"),
        "TORCH_EXTENSIONS_DIR": str(CACHE / "extensions"),
        "TOKENIZERS_PARALLELISM": "false",
    }


def limit_processors(threads):
    # jax takes the number of threads from the system, not from a setting.
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
