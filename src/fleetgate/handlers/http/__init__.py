"""What both functions behind the HTTP API share: problems, callers, masking and the answers' shapes."""
