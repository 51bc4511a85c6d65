"""Looking across results: which there are, what differs between them, whether they come out the same again."""
