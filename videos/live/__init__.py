"""A body that is played by hand, in the browser: pictures go out, keys come in."""
