"""Dead letters: what lies in them, and putting them back where they came from, or away."""
