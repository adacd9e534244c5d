"""Tiffin's services: four that own aggregates, and the sandbox that plays the outside world."""
