"""Transfer: pre-train on other properties, fine-tune on one, and the order in which tasks are learned."""
