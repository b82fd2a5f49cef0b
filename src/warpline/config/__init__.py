"""The configuration: strict models, checks across them, and messages that name the place."""

from warpline.config.errors import ConfigError
from warpline.config.load import json_schema, load, load_files
from warpline.config.models import Config

__all__ = ["Config", "ConfigError", "json_schema", "load", "load_files"]
