"""Score verdicts against the expectations of scenarios."""
