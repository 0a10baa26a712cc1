"""The controller: while a pipeline samples, its latents are moved so that the feature follows the request."""
