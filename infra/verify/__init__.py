"""The independent verifier: reads topics, ledgers and fronts, and proves the contract of the log.

It shares nothing with the runtime but the codec, to read records, and the pure fold, for the one
rule that compares tables with it. All other rules are written over the JSON of the records.
"""
