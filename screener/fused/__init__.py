"""One graph for a whole question: all fast nets on shared inputs, cut down to the elements and conditions of a run.

The nets of the screen tier read the fractions of every element of the domain, averages over them, other descriptors and
the measurement conditions. Within one run most fractions are zero, averages are sums of the others, and the conditions
are fixed: the first layer is put on what is left, conditions move into its bias, outputs that nobody reads are dropped,
and all targets stand in one session.
"""
