"""Fixed task weights found by watching a short run: a reconstruction of AutoScale, `autoscale_like`.

Of the source (doi:10.48550/arXiv.2508.13979) the abstract and reviews are public: a first phase logs task gradients and
losses over windows, a second trains with fixed weights that bring one of three measures to its best. How windows become
weights is our reconstruction.
"""
