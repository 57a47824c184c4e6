"""What answers look like: typed models of GitLab's entities, and how rows become them."""
