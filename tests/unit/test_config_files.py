"""Files of a configuration: what stands on top of what, the schema and the page of all keys."""

import json
import re

import jsonschema
import pytest
import yaml

from warpline.pipeline.config import ConfigError, json_schema, load_files
from warpline.pipeline.config.readme_tables import key_tables


def test_later_files_go_on_top_mappings_add_and_lists_replace(tmp_path, project):
    top = tmp_path / "top.yaml"
    top.write_text("name: mine\nrun: {seeds: [7]}\ncurricula: {new: {pretrain: [Basic]}}\n")
    config = load_files([project / "config" / "config.yaml", top])
    assert config.run.seeds == [7] and config.run.measures == ["cka", "procrustes", "dsa"]
    assert {"new", "master"} <= set(config.curricula)


def test_not_yaml_and_not_a_mapping(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("a: [1,\n")
    with pytest.raises(ConfigError, match="expected YAML"):
        load_files([bad])
    bad.write_text("a:\n\tb: 1\n")
    with pytest.raises(ConfigError, match=r"(?s)in line 2, column 1.*a tab\?"):
        load_files([bad])
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: expected a file, found none"):
        load_files([tmp_path / "nowhere.yaml"])
    bad.write_text("")
    with pytest.raises(ConfigError, match="expected a mapping of keys, the file is empty"):
        load_files([bad])
    bad.write_text("- 1\n")
    with pytest.raises(ConfigError, match="expected a mapping of keys, got list"):
        load_files([bad])


def test_schema_on_disk_is_the_models_schema(project):
    written = json.loads((project / "workflow" / "schemas" / "config.schema.json").read_text())
    assert written == json_schema(), "run: make schema"


@pytest.mark.slow
def test_schema_accepts_the_default_and_refuses_a_typo(raw_config):
    schema = json_schema()
    jsonschema.validate(raw_config, schema)
    raw_config["architectures"]["leaky_rnn"]["units"] = [64, 128]
    raw_config["architectures"]["mamba_d8_l1"]["d_state"] = [4, 16]
    jsonschema.validate(raw_config, schema)
    raw_config["training"]["max_step"] = 3
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(raw_config, schema)


def test_every_key_is_documented(project):
    readme = (project / "config" / "README.md").read_text()
    assert key_tables() in readme, "run: make schema"
    assert not re.findall(r"\| *\|$", key_tables(), re.MULTILINE), "a key has no description"


def test_every_description_is_a_sentence_with_its_subject():
    schema = json_schema()
    sections = {**schema["$defs"], "Config": schema}
    descriptions = {
        f"{name}.{key}": text
        for name, section in sections.items()
        for key, entry in [("", section), *section["properties"].items()]
        if (text := entry.get("description"))
    }
    assert len(descriptions) > 100
    for key, text in descriptions.items():
        assert not text.startswith(("Of ", "And ", "As ")), f"{key}: no subject: {text}"
        assert len(text.split()) >= 3, f"{key}: too short to be understood alone: {text}"
        assert text.endswith("."), f"{key}: no full stop: {text}"


def test_yaml_of_the_default_has_comments_for_people(project):
    text = (project / "config" / "config.yaml").read_text()
    assert text.startswith("# ") and yaml.safe_load(text)["name"] == "default"
