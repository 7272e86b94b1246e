"""An event in, a proof out: a transparency log that nobody can quietly edit."""
