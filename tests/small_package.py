"""The text of a module of a small package that tests edit."""

TRAINING = '''
import logging
from warpline import store
from warpline.console import bar

log = logging.getLogger(__name__)


class Result:
    """A result."""

    def read(self):
        return store.read()

    def keys(self):
        return []


def go():
    from .lazy import X

    log.warning("going %d", X)
    if X > 3:
        raise ValueError(f"too large: {X}")
    return Result().read() + X
'''
