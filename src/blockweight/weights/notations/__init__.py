"""The notations of other tools and our own, one file each. `weights.reading` tells them apart."""
