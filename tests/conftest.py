"""Settings of all tests."""

from hypothesis import settings

# No deadline: how long an example takes is the machine's business, not the law's.
settings.register_profile("rightly", deadline=None)
settings.load_profile("rightly")
