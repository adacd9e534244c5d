"""The simulated outside world: a payment provider, a restaurant POS and driver phones."""
