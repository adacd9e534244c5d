"""The published language: messages, schemas, releases and the wire form agree."""
