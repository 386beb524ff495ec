"""The files that the wheel installs."""

import importlib.metadata
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

import swift_adafactor

FOLDER = pathlib.Path(swift_adafactor.__file__).parent


@unittest.skipUnless(
    (FOLDER / "libadafactor.so").exists(), "the package is not installed from its wheel: scripts/test --python does that"
)
class Wheel(unittest.TestCase):
    def test_there_is_no_swift_on_the_path(self):
        self.assertIsNone(shutil.which("swift"))
        self.assertNotIn("LD_LIBRARY_PATH", os.environ)
        self.assertNotIn("SWIFT_ADAFACTOR_LIBRARY", os.environ)

    def test_the_library_needs_only_the_c_and_c_plus_plus_libraries(self):
        code = "import os, swift_adafactor; print(open('/proc/self/maps').read())"
        maps = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        names = {line.split("/")[-1] for line in maps.splitlines() if ".so" in line}
        self.assertIn("libadafactor.so", names)
        others = {name for name in names if name.startswith(("libswift", "libdispatch", "libBlocks", "libopenblas", "libFoundation"))}
        self.assertEqual(others, set())

    def test_metadata(self):
        metadata = importlib.metadata.metadata("swift-adafactor")
        self.assertEqual(metadata["Version"], swift_adafactor.__version__)
        self.assertEqual(metadata["Requires-Python"], ">=3.10")

    def test_the_licenses_are_there(self):
        files = {file.name: file for file in importlib.metadata.files("swift-adafactor")}
        self.assertIn("Runtime Library Exception", files["LICENSE-Swift.txt"].read_text())
        self.assertIn("Swift runtime", files["NOTICE"].read_text())
        self.assertIn("Apache License", files["LICENSE"].read_text())

    def test_the_stubs_are_there(self):
        for name in ("py.typed", "__init__.pyi"):
            self.assertTrue((FOLDER / name).exists(), name)


if __name__ == "__main__":
    unittest.main()
