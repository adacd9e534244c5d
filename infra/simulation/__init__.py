"""A deterministic simulation of all four services on a Kafka, a clock and an outside world in
memory; one seed fixes everything that happens (in the manner of FoundationDB: Zhou et al.,
"FoundationDB: A Distributed Unbundled Transactional Key Value Store", SIGMOD 2021, section 4).
"""
