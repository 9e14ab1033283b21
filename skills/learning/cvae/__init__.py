"""Calibrated CVAEs, one an expert: the model, and how a hundred are trained together."""
