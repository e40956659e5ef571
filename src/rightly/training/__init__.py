"""Training: scalar reward models on the Hugging Face Trainer."""
