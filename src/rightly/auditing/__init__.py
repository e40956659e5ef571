"""An audit: human reasons split into points, matched with the judges' reasons, summed up as rationale consistency."""
