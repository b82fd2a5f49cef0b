"""Configurations as Snakemake reads them: repeated keys, numbers of --config, a second one of the same name."""

from __future__ import annotations

import re

import pytest

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


def dry_run(checkout, *options):
    """Return exit status, output and number of planned trainings of a dry run with options of --config."""
    extra = ("training", "--dry-run", *(("--config", *options) if options else ()))
    done = checkout.snakemake(*extra, check=False)
    text = done.stdout + done.stderr
    found = re.search(r"^train +(\d+)$", text, re.MULTILINE)
    return done.returncode, text, int(found[1]) if found else 0


def test_networks_of_another_configuration_are_not_replaced_unasked(checkout):
    """Every value of --config is text inside braces; each is read as YAML in a file."""
    code, text, _ = dry_run(checkout, "training={max_steps: 30}")
    assert code and "Traceback" not in text
    assert "results/tiny holds networks of other settings" in text
    assert "training.max_steps was 20 and is 30" in text
    # In the rows of the table: untrained networks have no updates.
    code, text, planned = dry_run(checkout, "training={max_steps: 30}", "jobs={replace: true}")
    assert code == 0 and planned == 8, text[-2000:]
    # A new seed is free, given as text or in the file.
    code, text, planned = dry_run(checkout, "run={seeds: [1, 2, 3]}")
    assert code == 0 and planned == 5, text[-2000:]


def test_a_repeated_key_stops_the_run(fresh):
    path = fresh.root / fresh.config
    path.write_text(path.read_text() + "\ntraining: {max_steps: 7}\n")
    code, text, _ = dry_run(fresh)
    assert code and "expected each key once, got 'training' in line" in text
    assert "Traceback" not in text


def test_a_repeated_letter_is_no_endless_loop(fresh):
    fresh.configure(
        **{f"curricula__{'a' * 80}": {}, "run__grid__0__curricula": ["untrained", "a" * 80]},
    )
    code, text, _ = dry_run(fresh)
    assert code and "PeriodicWildcardError" not in text and "twenty times" in text
    name = "a" * 79 + "b"
    fresh.configure(
        **{"curricula": {name: {}, "master": {}}, "run__grid__0__curricula": [name, "master"]}
    )
    code, text, planned = dry_run(fresh)
    assert code == 0 and planned == 8, text[-2000:]
