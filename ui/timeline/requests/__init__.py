"""What the browser may ask for, and the one handler of each request."""
