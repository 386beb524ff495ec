"""Trajectories of pytorch-optimizer's SOAP, which computes the same numbers as soap.py of the paper's authors.

Its first moments are in the original space, and eigenvectors have arbitrary signs, so Q is not recorded.
"""

from pytorch_optimizer import SOAP

from . import files, soap_cases, trajectories

RENAMED = {"max_precond_dim": "max_precondition_dim", "normalize_grads": "normalize_gradient"}


class Run(trajectories.Run):
    def make_optimizer(self, groups):
        # The authors' names become this package's, and -1 becomes None.
        return SOAP(
            [
                {
                    RENAMED.get(key, key): None if key == "shampoo_beta" and value < 0 else value
                    for key, value in group.items()
                }
                for group in groups
            ]
        )

    def encoded(self, state):
        moments = {"exp_avg": state["exp_avg"], "exp_avg_sq": state["exp_avg_sq"]}
        moments |= {f"GG_{axis}": matrix for axis, matrix in enumerate(state["GG"]) if len(matrix) > 0}
        step = self.optimizer.param_groups[0]["step"] - 1
        return {"step": step} | {
            name: {"shape": list(value.shape), "data": files.base64_floats(value)}
            for name, value in moments.items()
        }


def generate(output):
    for case in soap_cases.cases():
        record = trajectories.trajectory(case, Run)
        files.write(output / "OptimizersTests/Reference/soap" / f"{case.name}.json", record)
