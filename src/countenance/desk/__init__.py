"""The service: the only door to a search. Accounts, galleries, cases, approval, search, review."""
