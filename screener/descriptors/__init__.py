"""Descriptors of alloy compositions: catalogue, named sets, float64 reference and float32 featurizer."""
