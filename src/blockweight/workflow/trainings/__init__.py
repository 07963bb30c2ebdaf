"""Several trainings that differ in one thing, and how far apart they are."""
