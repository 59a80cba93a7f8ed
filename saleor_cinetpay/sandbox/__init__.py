"""Simulators of the systems around the app, for the demo, for tests and for staging. They import nothing of the app."""
