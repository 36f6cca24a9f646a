"""Speed and size, measured; never part of the tests."""
