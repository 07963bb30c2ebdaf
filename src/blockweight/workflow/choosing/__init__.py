"""Choosing block weights by preference: a person judges rounds of pictures, and the program proposes the next."""
