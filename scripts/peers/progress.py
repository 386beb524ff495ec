"""Shows the progress of a long run: one changing line on a terminal, otherwise plain lines."""

import sys
import time


class Progress:
    """`total` is the amount of work, in the unit of `advance`."""

    def __init__(self, total):
        self.total = total
        self.done = 0
        self.start = time.monotonic()
        self.changes = sys.stderr.isatty()

    def show(self, text):
        elapsed = time.monotonic() - self.start
        left = ""
        if self.done > 0:
            seconds = elapsed * (self.total - self.done) / self.done
            left = f", about {seconds / 60:.0f} min left" if seconds >= 90 else f", about {seconds:.0f} s left"
        line = f"{self.done / self.total:4.0%}  {text}{left}"
        print(f"\r\033[K{line[:100]}" if self.changes else line, end="" if self.changes else "\n", file=sys.stderr)
        sys.stderr.flush()

    def advance(self, amount):
        self.done = min(self.total, self.done + amount)

    def note(self, text):
        """Prints a line that stays."""
        print(("\r\033[K" if self.changes else "") + text, file=sys.stderr, flush=True)

    def finish(self):
        if self.changes:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
