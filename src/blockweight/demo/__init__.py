"""The embedded model, LoRAs and characters that make the main job run anywhere."""
