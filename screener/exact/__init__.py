"""Exact search: the proven best candidates of a space far too large to score one by one."""
