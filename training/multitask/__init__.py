"""Multi-task fits: configuration, checks, the training loop, what it leaves behind."""
