"""Webhooks: what is sent, to whom, and what happens when nobody answers."""
