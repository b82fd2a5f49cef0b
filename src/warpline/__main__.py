"""``python -m warpline`` is the command ``warpline``."""

import sys

from warpline.pipeline.command_line import main

if __name__ == "__main__":
    sys.exit(main())
