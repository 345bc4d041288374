"""What multi-task learning did: gradients, scores of tails and decisions, tests, ablations of the paper's claims."""
