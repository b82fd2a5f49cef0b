"""Cognitive tasks: neurogym environments with rules, and generation of their trials."""
