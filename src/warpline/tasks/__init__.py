"""Cognitive tasks: neurogym environments with rules, and batched trial generation."""
