"""Data sets: raw files in, canonical form, student split, batches on a device."""
