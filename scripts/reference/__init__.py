"""Reference numbers for the tests, from the real torch and transformers. Entry: make_reference.py."""
