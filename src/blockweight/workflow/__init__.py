"""The tutorial's steps, each one function over the rooms below."""
