"""Charts as SVG, from the data next to them. They follow the light or dark mode of the page.

python -m peers draw regenerates them without measuring.
"""

import json
import re

STYLE = {
    "font.size": 11,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlesize": 12,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "svg.fonttype": "none",
    # The same numbers give the same file.
    "svg.hashsalt": "swift-adafactor",
    "figure.facecolor": "#ffffff",
    "axes.facecolor": "#ffffff",
    "axes.edgecolor": "#222222",
    "axes.labelcolor": "#222222",
    "xtick.color": "#222222",
    "ytick.color": "#222222",
    "text.color": "#222222",
}

# Colors that can be told apart with every kind of color vision (after Okabe and Ito), each with its own
# marker.
MARKS = {
    "swift": ("#0072b2", "o"),
    "openblas": ("#3a9bd0", "s"),
    "python": ("#332288", "p"),
    "traffic": ("#222222", "|"),
    "transformers": ("#d55e00", "D"),
    "torch": ("#a67c00", "^"),
    "torch-compiled": ("#a67c00", "v"),
    "optax": ("#009e73", "P"),
    "mlx": ("#b0528f", "X"),
    "adamw": ("#0072b2", "*"),
    "torch-adamw": ("#d55e00", "<"),
    "deepspeed": ("#009e73", ">"),
    "adafactor": ("#0072b2", "o"),
    "muon": ("#009e73", "s"),
    "soap": ("#d55e00", "D"),
    "factored_soap": ("#b0528f", "^"),
}

# The color of each light color on a dark page.
DARK = {
    "#ffffff": "#0d1117",
    "#f3f5f7": "#161b22",
    "#dddddd": "#262c36",
    "#222222": "#e6edf3",
    "#0072b2": "#4aa8e0",
    "#3a9bd0": "#8fd0f5",
    "#d55e00": "#ff8c42",
    "#009e73": "#2fc99a",
    "#a67c00": "#e0b53a",
    "#b0528f": "#dd8fc0",
}


def draw(folder):
    """Draws each chart from the data in the folder, and returns the names of the files."""
    drawn = []
    for name, chart in {"peers": ratios, "scaling": growth, "convergence": convergence}.items():
        file = folder / f"{name}.json"
        if file.exists():
            chart(json.loads(file.read_text()), folder / f"{name}.svg")
            drawn.append(f"{name}.svg")
    return drawn


def ratios(data, path):
    """Draws each program's time divided by ours, by workload: Adafactor on the left, AdamW and the traffic on the right."""
    plot = _pyplot()
    works = list(data["works"])
    threads = data["results"][0]["threads"]
    reference = data["ratios to"]
    figure, (left, right) = plot.subplots(1, 2, figsize=(12, 2.4 + 0.5 * len(works)), sharey=True)
    others = [name for name in ("openblas", "swift") if name in data["programs"] and name != reference]
    panels = [
        (left, [*others, "transformers", "torch", "torch-compiled", "optax", "mlx"], (0.8, 150), "Adafactor"),
        (right, ["adamw", "torch-adamw", "deepspeed", "traffic"], (0.3, 7), "AdamW, and the memory traffic of Adafactor"),
    ]
    for axes, programs, (low, high), title in panels:
        for row in range(0, len(works), 2):
            axes.axhspan(row - 0.5, row + 0.5, color="#f3f5f7", linewidth=0)
        axes.axvline(1, color=MARKS[reference][0], linewidth=1.5)
        programs = [name for name in programs if name in data["programs"]]
        for lane, program in enumerate(programs):
            points = [
                (entry["ratio"], works.index(entry["work"]) + 0.66 * ((lane + 0.5) / len(programs) - 0.5))
                for entry in data["results"]
                if entry["program"] == program and entry["threads"] == threads and entry["ratio"] is not None
            ]
            color, marker = MARKS[program]
            line = {"linestyle": "none", "color": color, "markersize": 10 if marker in "|*" else 7, "markeredgewidth": 2 if marker == "|" else 0}
            axes.plot(*zip(*points), marker=marker, label=data["programs"][program], **line)
            for ratio, height in points:
                if not low <= ratio <= high:
                    axes.annotate(
                        f"{ratio:.2g} ×",
                        (low if ratio < low else high, height),
                        xytext=(14 if ratio < low else -14, 0),
                        textcoords="offset points",
                        ha="left" if ratio < low else "right",
                        va="center",
                        fontsize=9,
                        color=color,
                        arrowprops={"arrowstyle": "->", "color": color},
                    )
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        _label(axes.xaxis)
        axes.set_ylim(len(works) - 0.5, -0.5)
        axes.grid(False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.set_title(title, pad=44)
        columns = (len(programs) + 1) // 2
        axes.legend(loc="lower left", bbox_to_anchor=(-0.03, 1.0), ncols=columns, frameon=False, fontsize=10, handletextpad=0)
    left.set_yticks(range(len(works)), [data["works"][work] for work in works])
    figure.suptitle(f"Time per optimizer step in Float32, {_threads(threads)}, {data['date']}", fontsize=14)
    figure.supxlabel(f"time relative to {data['programs'][reference]}, logarithmic: right of the line is slower", fontsize=11)
    figure.tight_layout(w_pad=2)
    _save(figure, path)


def growth(data, path):
    """Draws nanoseconds per element over the number of elements, on all threads."""
    plot = _pyplot()
    figure, axes = plot.subplots(figsize=(9, 4.8))
    threads = max(entry["threads"] for entry in data["results"])
    for program, title in data["programs"].items():
        points = [
            (entry["rows"] * entry["columns"], entry["seconds"] / (entry["rows"] * entry["columns"]) * 1e9)
            for entry in data["results"]
            if entry["program"] == program and entry["threads"] == threads and entry["rows"] in data["sides"]
        ]
        color, marker = MARKS[program]
        line = {"linestyle": "--", "marker": None} if program == "traffic" else {"linestyle": "-", "marker": marker}
        axes.plot(*zip(*points), color=color, label=title, markersize=5, **line)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.margins(x=0.02)
    _label(axes.yaxis)
    axes.set_xlabel("elements of a square matrix")
    axes.set_ylabel("nanoseconds per element")
    axes.set_title(f"One Adafactor step in Float32, {_threads(threads)}, {data['date']}")
    axes.legend(frameon=False)
    figure.tight_layout()
    _save(figure, path)


def convergence(data, path):
    """Draws the loss over steps and over seconds, with one row of panels per problem."""
    plot = _pyplot()
    problems = data["problems"]
    figure, rows = plot.subplots(len(problems), 2, figsize=(11, 3.9 * len(problems)), squeeze=False, sharey="row")
    for problem, (left, right) in zip(problems, rows):
        for run in problem["runs"]:
            color, _ = MARKS[run["optimizer"]]
            # AdamW and Adafactor have one color in the other charts, and share the panels here.
            line = {"color": "#222222" if run["optimizer"] == "adamw" else color, "linewidth": 1.6}
            left.plot(run["steps"], run["losses"], label=f"{run['title']}, rate {run['rate']:g}", **line)
            right.plot(run["seconds"], run["losses"], **line)
        for axes, label in ((left, "steps"), (right, "seconds")):
            axes.set_yscale("log")
            axes.set_xlabel(label)
            axes.set_xlim(left=0)
        left.set_title(problem["title"], pad=42)
        left.set_ylabel(problem["measure"])
        left.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=5, frameon=False, fontsize=9.5, columnspacing=1.2)
    figure.tight_layout()
    _save(figure, path)


def _pyplot():
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot

    matplotlib.pyplot.rcParams.update(STYLE)
    return matplotlib.pyplot


def _save(figure, path):
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    svg = path.read_text()
    rules = [
        f'[style*="{property}: {light}"] {{ {property}: {dark} !important }}'
        for light, dark in DARK.items()
        for property in ("fill", "stroke")
        if f"{property}: {light}" in svg
    ]
    style = "@media (prefers-color-scheme: dark) {\n" + "\n".join(rules) + "\n}\n"
    path.write_text(re.sub(r"(?=</style>)", lambda _: "\n" + style, svg, count=1))


def _label(axis):
    """Labels 1, 2 and 5 times each power of ten, because the axis may span only one power."""
    from matplotlib.ticker import LogLocator, NullLocator

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_locator(NullLocator())


def _threads(count):
    return f"{count} thread{'s' if count > 1 else ''}"
