"""Runs of optimizers without their own step count: the script counts the steps of each parameter."""

from . import trajectories


class CountedRun(trajectories.Run):
    def __init__(self, groups, initial, states, dtype):
        self.counts = {name: state["step"] for name, state in states.items()}
        arrays = {
            name: {key: value for key, value in state.items() if key != "step"} for name, state in states.items()
        }
        super().__init__(groups, initial, arrays, dtype)

    def step(self, gradients, changes):
        super().step(gradients, changes)
        for name, gradient in gradients.items():
            if gradient is not None:
                self.counts[name] = self.counts.get(name, 0) + 1

    def state(self):
        return {
            name: {"step": count} | self.encoded(self.optimizer.state[self.parameters[name]])
            for name, count in self.counts.items()
        }
