"""A Kubernetes control plane with KWOK nodes and Flux, built from a pinned Go module and run on loopback."""
