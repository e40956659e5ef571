"""An audit: split human reasons into points, match them with judges' reasons, compute rationale consistency."""
