"""What all services share: messages, the decider, and the runtime that keeps the log's contract."""
