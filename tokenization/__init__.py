"""Text to training rows: tokenizer, FIM, packing, and the formats that trainers read."""
