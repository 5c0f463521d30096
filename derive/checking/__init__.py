"""Judge a user's formula or function: read it, compare it with the definition, and name the mistake."""
