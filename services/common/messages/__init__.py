"""The published language: a module per owner, each message with an Avro schema of its name."""
