import Safetensors
import Testing
