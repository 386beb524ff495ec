"""The compared programs: our optimizers, their minimum memory traffic, and the optimizers of other libraries."""

from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Program:
    """One column of the table."""

    id: str
    title: str
    # The Python package whose version is reported, or None for our programs.
    package: str | None = None
    # The difference from the reference's Adafactor.
    difference: str | None = None
    # The arguments of `prepare` for the Swift program, or None for another worker.
    command: dict | None = None
    # Whether each workload is compiled.
    compiles: bool = False


def ours(backends):
    """Returns our Adafactor on every backend of the build, the default first, and our AdamW on the default backend."""
    titles = {"openblas": "ours, OpenBLAS", "swift": "ours, Swift"}
    return [
        Program(backend, titles[backend], command={"optimizer": "adafactor", "backend": backend}) for backend in backends
    ] + [Program("adamw", "ours, AdamW", command={"optimizer": "adamw", "backend": backends[0]})]


PYTHON = Program(
    "python",
    "ours, from Python",
    difference="Ours in the Python package, which is built on pure Swift: `swift_adafactor.Adafactor(trusts_versions=True)`.",
)

TRAFFIC = Program("traffic", "memory traffic", command={"optimizer": "adafactor-traffic"})

PEERS = [
    Program("transformers", "transformers", "transformers", "The reference. Ours is checked against it before the timing."),
    Program(
        "torch",
        "torch Adafactor",
        "torch",
        "`torch.optim.Adafactor(foreach=True)`: ε₁ is a minimum instead of a summand, and weight decay is proportional to the learning rate.",
    ),
    Program(
        "torch-compiled",
        "torch compiled",
        "torch",
        "The same under `torch.compile`.",
        compiles=True,
    ),
    Program(
        "optax",
        "optax",
        "optax",
        "`optax.adafactor(1e-3)` under `jax.jit` with donated buffers: a fixed learning rate; only the two"
        " longest axes are factored, and only if both have at least 128 elements.",
        compiles=True,
    ),
    Program(
        "mlx",
        "MLX",
        "mlx",
        "`mlx.optimizers.Adafactor` under `mx.compile` on the CPU. Elementwise operations use one thread.",
        compiles=True,
    ),
    Program(
        "torch-adamw",
        "torch AdamW",
        "torch",
        "`torch.optim.AdamW(fused=True)`: AdamW, with two moments per element.",
    ),
    Program(
        "deepspeed",
        "DeepSpeed AdamW",
        "deepspeed",
        "`DeepSpeedCPUAdam(adamw_mode=True)`: AdamW, with two moments per element.",
    ),
]
