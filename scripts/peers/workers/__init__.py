"""The optimizers of other libraries, each in a separate process: see workers/__main__.py."""
