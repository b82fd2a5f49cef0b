"""Write the JSON schema of the configuration: python scripts/write_schema.py OUTPUT."""

import json
import sys
from pathlib import Path

from warpline.config import json_schema

if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(json_schema(), indent=1) + "\n", encoding="utf-8")
