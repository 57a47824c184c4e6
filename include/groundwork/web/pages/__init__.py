"""The pages: HTML made on the server, with small scripts for what lives and moves. No build step."""
