"""A search for block weights: asked for, run in a project's scenes, its front shown, one of it taken."""
