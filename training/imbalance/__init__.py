"""Rare labels and rare values: masked losses, density weights, feature smoothing, balanced losses, batches."""
