"""`labferry verify`: read stored copies back, compare them, repair them."""
