import Testing
import TestSupport

extension Python {
  /// A Python with the packages of the reference, or `nil` if there is none.
  ///
  /// Finding the packages is fast; importing them is slow.
  static let reference = find(
    variable: "REFERENCE_PYTHON",
    running:
      "import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, ['torch', 'transformers', 'safetensors'])))"
  )

  static let explanation: Comment =
    "No python3 with torch, transformers and safetensors; REFERENCE_PYTHON can name one."
}
