"""Benchmarks, each a program with a make target; their figures go to .tiffin/bench/."""
