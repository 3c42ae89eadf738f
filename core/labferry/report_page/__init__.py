"""The report as a page: from a typed document to one HTML file, without any I/O but its style."""
