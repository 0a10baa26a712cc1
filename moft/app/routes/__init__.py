"""The addresses of the app: read what is asked, call, answer. What they answer with stands elsewhere."""
