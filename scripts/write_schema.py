"""Write what follows from the configuration's models: its JSON schema, and the keys in config/README.md."""

import json
from pathlib import Path

from warpline.pipeline.config import json_schema
from warpline.pipeline.config.readme_tables import update

PROJECT = Path(__file__).resolve().parent.parent

if __name__ == "__main__":
    schema = PROJECT / "workflow" / "schemas" / "config.schema.json"
    schema.write_text(json.dumps(json_schema(), indent=1) + "\n", encoding="utf-8")
    readme = PROJECT / "config" / "README.md"
    readme.write_text(update(readme.read_text(encoding="utf-8")), encoding="utf-8")
