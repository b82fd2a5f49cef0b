"""The configuration: strict models, checks across them, and messages that name the place."""

from warpline.pipeline.config.load import json_schema, load, load_files, read_again
from warpline.pipeline.config.messages import ConfigError
from warpline.pipeline.config.schema import Config

__all__ = ["Config", "ConfigError", "json_schema", "load", "load_files", "read_again"]
