"""What people look at: a report of a result in one file, and pictures of it for papers."""
