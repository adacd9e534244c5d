"""What a person sees of a running Tiffin in a terminal: lists, records of topics, and queries."""
