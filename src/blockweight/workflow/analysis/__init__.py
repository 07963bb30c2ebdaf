"""Analyses of what each block does: what is asked, by which method it is found, and what it costs."""
