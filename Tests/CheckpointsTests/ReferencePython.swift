import Testing
import TestSupport

extension Python {
  /// The Python that has the packages of the reference; `nil` if there is none.
  ///
  /// Finding the packages is quick; importing them is not.
  static let reference = find(
    variable: "REFERENCE_PYTHON",
    running:
      "import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, ['torch', 'transformers', 'safetensors'])))"
  )

  static let explanation: Comment =
    "No python3 with torch, transformers and safetensors; REFERENCE_PYTHON may name one."
}
