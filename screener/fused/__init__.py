"""One graph for a whole question: all fast nets on shared inputs, cut down to the elements and conditions of a run.

The nets of the screen tier read the fractions of every element of the domain and the measurement conditions. Within
one run most fractions are zero and the conditions are fixed: rows of the first layer that only ever meet zeros are left
out, conditions move into its bias, outputs that nobody reads are dropped, and all targets stand in one session.
"""
