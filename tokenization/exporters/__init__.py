"""Packed rows in the formats of other trainers, byte for byte; pure: batches of rows in, chunks of bytes out."""
