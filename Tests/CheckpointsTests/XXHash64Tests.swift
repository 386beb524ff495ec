@testable import Checkpoints
import Testing
