"""What pages ask for: estimates, judged orders, records for the browser."""
