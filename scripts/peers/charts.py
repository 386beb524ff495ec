"""Charts as SVG on a white ground of their own, readable on light and dark pages alike."""

STYLE = {
    "font.size": 11,
    "axes.grid": True,
    "axes.grid.which": "both",
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "none",
    # The same numbers give the same file.
    "svg.hashsalt": "swift-adafactor",
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "text.color": "#222222",
}

# Colours that those who do not tell red from green can tell (Okabe and Ito), each with a marker of its own.
MARKS = {
    "swift": ("#0072b2", "o"),
    "openblas": ("#56b4e9", "s"),
    "python": ("#332288", "p"),
    "traffic": ("#000000", "|"),
    "transformers": ("#d55e00", "D"),
    "torch": ("#e69f00", "^"),
    "torch-compiled": ("#e69f00", "v"),
    "optax": ("#009e73", "P"),
    "mlx": ("#cc79a7", "X"),
    "adamw": ("#0072b2", "*"),
    "torch-adamw": ("#8c564b", "<"),
    "deepspeed": ("#7f7f7f", ">"),
    "adafactor": ("#0072b2", "o"),
    "muon": ("#009e73", "s"),
    "soap": ("#d55e00", "D"),
    "factored_soap": ("#cc79a7", "^"),
}


def _pyplot():
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot

    matplotlib.pyplot.rcParams.update(STYLE)
    return matplotlib.pyplot


def _save(figure, path):
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight", facecolor="white")


def _plain(value, _):
    return f"{value:g}"


def _label(axis):
    """Labels 1, 2 and 5 of each power of ten: one power alone is often all that an axis spans."""
    from matplotlib.ticker import LogLocator

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(_plain)
    axis.set_minor_formatter("")


def ratios(comparison, threads, path):
    """For each workload, the time of each program over ours."""
    plot = _pyplot()
    figure, axes = plot.subplots(figsize=(10, 1.6 + 0.42 * len(comparison.workloads)))
    rows = range(len(comparison.workloads))
    for program in comparison.programs:
        colour, marker = MARKS[program.id]
        points = [(comparison.ratio(work, threads, program), row) for row, work in zip(rows, comparison.workloads)]
        points = [(ratio, row) for ratio, row in points if ratio is not None]
        axes.plot(
            [ratio for ratio, _ in points],
            [row for _, row in points],
            linestyle="none",
            marker=marker,
            markersize={"|": 12, "*": 11}.get(marker, 7),
            markeredgewidth=2 if marker == "|" else 0.5,
            markeredgecolor=colour if marker == "|" else "white",
            color=colour,
            label=program.title,
        )
    axes.axvline(1, color=MARKS[comparison.default.id][0], linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(_plain)
    axes.set_yticks(list(rows), [work["name"] for work in comparison.workloads])
    axes.invert_yaxis()
    axes.set_xlabel(f"time of a step over that of {comparison.default.title}; left is faster, logarithmic")
    axes.set_title(f"Optimizer steps in Float32, {threads} thread{'s' if threads > 1 else ''}, {comparison.date}")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    _save(figure, path)


def growth(scaling, path):
    """Time per element over elements; time over threads."""
    plot = _pyplot()
    figure, (left, right) = plot.subplots(1, 2, figsize=(12, 4.8), gridspec_kw={"width_ratios": [3, 2]})
    for name, title, points in scaling.lines_by_size():
        colour, marker = MARKS[name]
        line = {"linestyle": "--", "marker": None} if name == "traffic" else {"linestyle": "-", "marker": marker}
        left.plot(*zip(*points), color=colour, label=title, markersize=5, **line)
    left.set_xscale("log")
    left.set_yscale("log")
    _label(left.yaxis)
    left.set_xlabel("elements of a square matrix")
    left.set_ylabel("nanoseconds an element")
    left.set_title(f"A step as the matrix grows, {scaling.threads[-1]} threads")
    left.legend(frameon=False)
    for name, title, within_cache, points in scaling.lines_by_threads():
        colour, marker = MARKS[name]
        style = ":" if within_cache else "-"
        right.plot(*zip(*points), color=colour, label=title, linestyle=style, marker=marker, markersize=5)
    right.set_xscale("log", base=2)
    right.set_yscale("log")
    right.set_xticks(scaling.threads, [str(count) for count in scaling.threads])
    right.minorticks_off()
    _label(right.yaxis)
    right.set_xlabel("threads")
    right.set_ylabel("milliseconds a step")
    right.set_title("A step as threads are added")
    right.legend(frameon=False, fontsize=9)
    figure.tight_layout()
    _save(figure, path)


def convergence(problems, titles, path):
    """Loss against steps and against seconds, one row for each problem."""
    plot = _pyplot()
    figure, rows = plot.subplots(len(problems), 2, figsize=(11, 4 * len(problems)), squeeze=False)
    for problem, (left, right) in zip(problems, rows):
        for name, run in problem.tuned().items():
            colour = MARKS[name][0] if name != "adamw" else "#000000"
            line = {"color": colour, "linewidth": 1.6, "label": f"{titles[name]}, rate {run.rate:g}"}
            left.plot(run.steps, run.losses, **line)
            right.plot(run.seconds, run.losses, **line)
        for axes, label in ((left, "steps"), (right, "seconds")):
            axes.set_yscale("log")
            axes.set_xlabel(label)
            axes.set_title(problem.title, fontsize=11)
        left.set_ylabel(problem.measure)
        right.legend(frameon=False, fontsize=9)
    figure.tight_layout()
    _save(figure, path)
