"""From a configuration to a published run: stages that resume; most stages need torch."""
