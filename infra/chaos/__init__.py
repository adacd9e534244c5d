"""Faults at random, from a seed, on a real stack under load; then the verifier has its say."""
