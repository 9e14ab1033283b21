"""Videos of skills and the page to browse them on."""
