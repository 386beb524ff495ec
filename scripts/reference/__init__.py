"""Reference numbers for the tests, from the real torch and transformers. Run make_reference.py."""
