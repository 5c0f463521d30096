"""The version of the tool, which stands in every manifest."""

__version__ = "0.1.0"
