"""Runs one optimizer on command, like Benchmarks/Sources/Peers: one JSON object per line, each with one answer."""

import importlib
import json
import os
import sys
import time

# The module of each optimizer. Modules are imported on demand, because each needs another library.
MODULES = {
    "python": "torch_optimizers",
    "transformers": "torch_optimizers",
    "torch": "torch_optimizers",
    "torch-compiled": "torch_optimizers",
    "torch-adamw": "torch_optimizers",
    "deepspeed": "torch_optimizers",
    "torch-muon": "matrix_optimizers",
    "pytorch-optimizer-soap": "matrix_optimizers",
    "optax": "optax_optimizer",
    "mlx": "mlx_optimizer",
}


def main():
    name, threads = sys.argv[1], int(sys.argv[2])
    # Libraries print to standard output, so answers go to a copy of the original descriptor.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    subject = None
    for line in sys.stdin:
        command = json.loads(line)
        answer = {}
        try:
            if command["do"] == "prepare":
                subject = None
                module = importlib.import_module(f"peers.workers.{MODULES[name]}")
                subject = module.OPTIMIZERS[name](command["shapes"], threads, **command.get("options", {}))
                # These steps trigger all compilation, unless the first step is to be timed.
                for _ in range(0 if command.get("fresh") else 3):
                    subject.step()
            elif command["do"] == "first":
                start = time.perf_counter()
                subject.step()
                answer["seconds"] = time.perf_counter() - start
                answer["stateBytes"] = subject.state_bytes()
            elif command["do"] == "run":
                answer["seconds"] = run(subject, command["steps"])
            elif command["do"] == "release":
                subject = None
        except Exception as error:
            subject = None
            import traceback

            traceback.print_exc()
            lines = str(error).strip().splitlines() or [""]
            answer["error"] = f"{type(error).__name__}: {lines[0]}"
        print(json.dumps(answer), file=answers, flush=True)


def run(subject, steps):
    # The same number of steps is taken first, because other programs have used the caches, and threads and
    # clock must wake up.
    for _ in range(steps):
        subject.step()
    start = time.perf_counter()
    for _ in range(steps):
        subject.step()
    return time.perf_counter() - start


main()
