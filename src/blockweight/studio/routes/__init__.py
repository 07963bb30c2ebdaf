"""The pages, one file each: they read a request, call `workflow/`, and render."""
