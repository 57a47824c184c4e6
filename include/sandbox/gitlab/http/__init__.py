"""Between sockets and routes: parameters, authentication, paging, headers."""
