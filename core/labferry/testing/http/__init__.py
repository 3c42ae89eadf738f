"""What the simulated servers share: listening, sending, and what can happen to an answer."""
