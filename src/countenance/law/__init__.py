"""A request in, a decision out: rule packs as data, the policy engine, scenarios."""
