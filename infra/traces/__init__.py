"""A trace UI on this machine: Zipkin, and the translation of OTLP for it."""

ZIPKIN_PORT = 9411
OTLP_PORT = 4318  # as OTLP itself says
