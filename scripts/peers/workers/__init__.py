"""The optimizers of other libraries, each in a process of its own: see workers/__main__.py."""
