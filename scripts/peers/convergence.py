"""Loss over steps and seconds, at tuned rates: scripts/benchmark --convergence."""

import datetime
import json
import shutil
import subprocess
from dataclasses import dataclass, field

from peers import charts, machine, process
from peers.progress import Progress
from peers.report import number

TITLES = {
    "adafactor": "Adafactor",
    "adamw": "AdamW",
    "muon": "Muon with AdamW",
    "soap": "SOAP",
    "factored_soap": "factored SOAP",
}
RATES = [1e-3, 3e-3, 1e-2, 3e-2]
# Settings of the tool in addition to the rate. A given rate disables relative steps, and parameter scaling is
# off for both.
SETTINGS = {
    "adafactor": ":beta1=0.9:no-scale-parameter",
    "adamw": ":weight-decay=0",
    "muon": ":weight-decay=0:adjust-lr-fn=match_rms_adamw",
    "soap": ":weight-decay=0",
    "factored_soap": ":beta1=0.9:no-scale-parameter",
}


@dataclass
class Run:
    """The loss after each number of steps."""

    optimizer: str
    rate: float
    steps: list
    seconds: list
    losses: list

    def best(self):
        return min((loss for loss in self.losses if loss == loss), default=float("inf"))

    def reaching(self, loss):
        """Returns the steps and seconds until the loss is at most `loss`, or None."""
        for step, second, reached in zip(self.steps, self.seconds, self.losses):
            if reached <= loss:
                return step, second
        return None


@dataclass
class Problem:
    title: str
    measure: str
    runs: dict = field(default_factory=dict)

    def add(self, run):
        self.runs.setdefault(run.optimizer, []).append(run)

    def tuned(self):
        """Returns the run with the lowest loss for each optimizer."""
        return {name: min(runs, key=Run.best) for name, runs in self.runs.items()}

    def data(self):
        """Returns the best run of each optimizer, for the chart."""
        runs = [
            {
                "optimizer": name,
                "title": TITLES[name],
                "rate": run.rate,
                "steps": run.steps,
                "seconds": [float(f"{second:.4g}") for second in run.seconds],
                "losses": [float(f"{loss:.4g}") for loss in run.losses],
            }
            for name, run in self.tuned().items()
        ]
        return {"title": self.title, "measure": self.measure, "runs": runs}


def main(arguments):
    steps, epochs = (600, 6) if arguments.quick else (4000, 30)
    progress = Progress(len(TITLES) * (len(RATES) + 1))
    digits = Problem(f"The digits, {epochs} epochs", "held-out loss")
    physics = Problem(f"u″ = f by a network, {steps} steps", "loss")
    for name, title in TITLES.items():
        progress.show(f"{title} on the digits")
        for run in _digits(arguments.tool, name, epochs):
            digits.add(run)
        progress.advance(1)
        for rate in RATES:
            progress.show(f"{title} on u″ = f with a rate of {rate:g}")
            physics.add(_physics(arguments.executable, name, rate, steps))
            progress.advance(1)
    progress.finish()
    problems = [digits, physics]
    text = _report(problems)
    data = {"date": datetime.date.today().isoformat(), "problems": [problem.data() for problem in problems]}
    print(text)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "convergence.json").write_text(json.dumps(data, ensure_ascii=False) + "\n")
    (arguments.output / "convergence.md").write_text(text)
    charts.convergence(data, arguments.output / "convergence.svg")
    if arguments.output == process.ROOT / "Benchmarks/Results" and not arguments.quick:
        # The documentation shows the same chart.
        shutil.copy(arguments.output / "convergence.svg", process.ROOT / "Sources/Optimizers/Optimizers.docc/Resources")
    print(f"Written: convergence.md, convergence.json, convergence.svg in {arguments.output}")


def _run(command):
    result = subprocess.run(command, capture_output=True, text=True, env=process.environment(machine.processors()))
    if result.returncode != 0:
        raise process.Failure(f"{' '.join(command)}: {result.stderr.strip().splitlines()[-1]}")
    return json.loads(result.stdout)


def _digits(tool, name, epochs):
    command = [tool, "train", "--quiet", "--json", "--epochs", str(epochs), "--schedule", "cosine", "--warmup-steps", "0.05"]
    command += ["--compare", ",".join(f"{name}:lr={rate:g}{SETTINGS[name]}" for rate in RATES)]
    for rate, run in zip(RATES, _run(command)["runs"]):
        result = run["result"]
        each = result["gradient_seconds_per_step"] + result["optimizer_seconds_per_step"]
        steps = [epoch["epoch"] * result["steps"] // epochs for epoch in result["epochs"]]
        losses = [epoch["test_loss"] for epoch in result["epochs"]]
        yield Run(name, rate, steps, [each * step for step in steps], losses)


def _physics(executable, name, rate, steps):
    result = _run([executable, name, f"{rate:g}", str(steps)])
    losses = [float(loss) for loss in result["losses"]]
    return Run(name, rate, [10 * index for index in range(len(losses))], result["seconds"], losses)


def _report(problems):
    lines = [
        "# Convergence at tuned rates",
        "",
        f"{datetime.date.today().isoformat()}, {machine.line(machine.description())}.",
        "",
        "Made by `scripts/benchmark --convergence`. Every optimizer ran at four rates from 10⁻³ to 3·10⁻² with a"
        " cosine schedule, and the table shows the rate with the lowest loss. The last two columns show when the"
        " loss first reached the lowest loss of AdamW. Adafactor and factored SOAP have β₁ = 0.9 and no parameter"
        " scaling, and weight decay is off everywhere.",
    ]
    for problem in problems:
        tuned = problem.tuned()
        target = tuned["adamw"].best()
        lines += ["", f"## {problem.title}", "", f"| optimizer | rate | lowest {problem.measure} | ms per step | steps to AdamW's | seconds to AdamW's |",
                  "| --- | ---: | ---: | ---: | ---: | ---: |"]
        for name, run in tuned.items():
            reached = run.reaching(target)
            cells = [f"{reached[0]:,}", number(reached[1])] if reached else ["–", "–"]
            lines.append(
                f"| {TITLES[name]} | {run.rate:g} | {run.best():.2g} | {number(run.seconds[-1] / run.steps[-1] * 1e3)} | " + " | ".join(cells) + " |"
            )
    return "\n".join([*lines, "", "![Loss against steps and seconds](convergence.svg)"]) + "\n"
