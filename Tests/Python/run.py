"""Runs all tests, and says which were skipped and why: run.py [--no-skips]"""

import collections
import pathlib
import sys
import unittest


def main():
    folder = pathlib.Path(__file__).parent
    suite = unittest.defaultTestLoader.discover(str(folder))
    result = unittest.TextTestRunner(verbosity=0, buffer=True).run(suite)
    reasons = collections.Counter(reason for _, reason in result.skipped)
    for reason, count in reasons.items():
        print(f"Skipped {count} tests of the Python package: {reason}")
    if "--no-skips" in sys.argv and reasons:
        sys.exit("error: tests were skipped.")
    sys.exit(not result.wasSuccessful())


main()
