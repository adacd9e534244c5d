"""Bring-up: a local Kafka cluster from Python packages alone, and the topics of the catalogue."""
