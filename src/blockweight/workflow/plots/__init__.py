"""Plots: pictures of anything against anything, from what is typed to the files that a person takes away."""
