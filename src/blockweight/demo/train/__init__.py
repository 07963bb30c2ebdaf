"""How the embedded model was made: `python -m blockweight.demo.train`. Needs the `train` extra."""
