"""What the server does with its storage: finding, creating, moving, removing, reacting to pushes."""
