"""What is compared: our optimizers, the memory traffic they cannot do without, and other libraries'."""

from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Program:
    """One column of the table."""

    id: str
    title: str
    # The Python package whose version is told; None for what is ours.
    package: str | None = None
    # What it computes instead of the reference's Adafactor.
    difference: str | None = None
    # What `prepare` of the Swift program is told; None for what another worker runs.
    command: dict | None = None
    # Whether each workload is compiled.
    compiles: bool = False


def ours(backends):
    """Ours on every backend of the build, the default first, and AdamW on the default one."""
    titles = {"openblas": "ours, OpenBLAS", "swift": "ours, Swift"}
    return [
        Program(backend, titles[backend], command={"optimizer": "adafactor", "backend": backend}) for backend in backends
    ] + [Program("adamw", "ours, AdamW", command={"optimizer": "adamw", "backend": backends[0]})]


PYTHON = Program(
    "python",
    "ours, from Python",
    difference="Ours in the Python package, which is built on pure Swift: `swift_adafactor.Adafactor` on parameters of torch.",
)

TRAFFIC = Program("traffic", "memory traffic", command={"optimizer": "adafactor-traffic"})

PEERS = [
    Program("transformers", "transformers", "transformers", "The reference; ours is checked against it before."),
    Program(
        "torch",
        "torch Adafactor",
        "torch",
        "`torch.optim.Adafactor(foreach=True)`: ε₁ is a floor and not a summand, weight decay goes by the rate.",
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
        "`optax.adafactor(1e-3)` under `jax.jit` with donated buffers: a given rate; factors only where both of the"
        " two longest axes have 128 elements or more, and those two axes.",
        compiles=True,
    ),
    Program(
        "mlx",
        "MLX",
        "mlx",
        "`mlx.optimizers.Adafactor` under `mx.compile` on the CPU, elementwise operations on one thread.",
        compiles=True,
    ),
    Program(
        "torch-adamw",
        "torch AdamW",
        "torch",
        "`torch.optim.AdamW(fused=True)`: AdamW, two moments for each element.",
    ),
    Program(
        "deepspeed",
        "DeepSpeed AdamW",
        "deepspeed",
        "`DeepSpeedCPUAdam(adamw_mode=True)`: AdamW, two moments for each element.",
    ),
]
