"""The doors: one module for each call that comes in."""
