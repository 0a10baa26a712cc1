"""Motion as a field: how far everything goes, over space and time. Arrays alone; no model, no torch."""
