"""Documentation, part of it made from the code."""
