"""Fit, prove and export the models that screener serves."""
