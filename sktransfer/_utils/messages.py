"""What error messages quote."""


def first_line(error):
    """Return the first line of what an exception says, or else its class."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
