"""Recurrent models: one module per kind, found by name, sharing one protocol (`base.Model`)."""
