"""Rules of the house that a machine can check."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

SOURCES = ("src", "scripts", "workflow", "benchmarks", "examples", "tests")


def source_files(project):
    for folder in SOURCES:
        for path in (project / folder).rglob("*"):
            if path.suffix in (".py", ".smk") or path.name == "Snakefile":
                yield path


def test_the_two_profiles_share_no_key(project):
    """Snakemake loads profiles/default beside --profile slurm, and it would win."""
    default, slurm = (
        yaml.safe_load((project / "profiles" / name / "config.yaml").read_text())
        for name in ("default", "slurm")
    )
    assert not set(default) & set(slurm)
    # Two facts of the plugin 2.8: an array job whose task fails deletes the outputs of others, and a
    # group of GPU jobs takes as many GPUs and uses them one after the other.
    assert not any("array" in key for key in slurm) and "groups" not in slurm
    for path in (project / "workflow" / "rules").glob("*.smk"):
        for rule in re.split(r"\n(?= *rule\b)", path.read_text()):
            assert "    group:" not in rule or "DRAWINGS[PART].resources" in rule
    assert {"jobs", "max-jobs-per-timespan", "slurm-jobname-prefix", "retries"} <= set(slurm)
    assert default["max-checksum-file-size"] > 10**9
    assert slurm["executor"] == "slurm"
    assert (project / "slurm").resolve() == (project / "profiles" / "slurm").resolve()


def pinned(project):
    lines = (project / "constraints.txt").read_text().splitlines()
    pairs = [line.partition(";")[0].split("==") for line in lines if "==" in line]
    return {name.lower().replace("_", "-"): version for name, version in pairs}


def test_pinned_versions_take_every_supported_python(project):
    """Debian 12 has Python 3.11.2: where a package needs more, another version is pinned for it."""
    from importlib.metadata import PackageNotFoundError, distribution

    from packaging.specifiers import SpecifierSet

    text = (project / "constraints.txt").read_text().lower().replace("_", "-")
    for name, version in pinned(project).items():
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            continue
        needed = SpecifierSet(installed.metadata["Requires-Python"] or "")
        if installed.version == version and not needed.contains("3.11.2"):
            assert re.search(rf"^{name}==.*; python-full-version < ", text, re.MULTILINE), name


def test_no_download_address_and_no_path_of_a_machine(project):
    listed = subprocess.run(["git", "ls-files"], cwd=project, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    address = re.compile(
        r"https?://\S*(pypi|pythonhosted|anaconda|debian|npmjs)|file:///|/home/\w+/"
    )
    for name in listed.stdout.splitlines():
        path = project / name
        if (
            path.is_file()
            and path.suffix not in (".svg", ".png")
            and path.name != Path(__file__).name
        ):
            assert not address.search(path.read_text(errors="ignore")), name


@pytest.mark.parametrize("name", ["cpu", "gpu"])
def test_environments_state_the_pinned_versions(project, name):
    environment = yaml.safe_load((project / "envs" / f"{name}.yaml").read_text())
    versions = pinned(project)
    stated = {}
    for entry in environment["dependencies"]:
        for requirement in entry["pip"] if isinstance(entry, dict) else [entry]:
            match = re.match(r"^([A-Za-z0-9_.\-]+)==?([0-9][^;\s]*)$", requirement.strip())
            if match and match[1] not in ("python", "pip"):
                stated[match[1].lower().replace("_", "-")] = match[2]
    assert {"torch", "numpy", "neurogym", "xarray", "safetensors"} <= set(stated)
    assert {package: versions[package] for package in stated if package != "mamba-ssm"} == {
        package: version for package, version in stated.items() if package != "mamba-ssm"
    }


def test_constraints_satisfy_the_lower_bounds(project):
    import tomllib

    from packaging.requirements import Requirement

    declared = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    versions = pinned(project)
    for text in [*declared["dependencies"], *declared["optional-dependencies"]["dev"]]:
        requirement = Requirement(text)
        version = versions[requirement.name.lower().replace("_", "-")]
        assert requirement.specifier.contains(version), text


def test_the_lowest_versions_are_the_lower_bounds(project):
    import tomllib

    from packaging.requirements import Requirement
    from packaging.version import Version

    declared = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    lines = (project / "envs" / "lowest.txt").read_text().splitlines()
    lowest = dict(line.split("==") for line in lines if "==" in line)
    requirements = [Requirement(text) for text in declared["dependencies"]]
    assert set(lowest) == {requirement.name for requirement in requirements}
    for requirement in requirements:
        (bound,) = (one.version for one in requirement.specifier if one.operator == ">=")
        # The last parts may be those of the first release that is there: 1.7.1.post1 for 1.7.1.
        release = Version(lowest[requirement.name]).release
        assert release[: len(Version(bound).release)] == Version(bound).release, requirement.name


def test_what_the_package_and_the_container_take_is_there(project):
    import tomllib

    tool = tomllib.loads((project / "pyproject.toml").read_text())["tool"]
    included = set(tool["hatch"]["build"]["targets"]["wheel"]["force-include"])
    definition = (project / "envs" / "apptainer.def").read_text()
    copied = re.findall(r"^    (\S+) /opt/warpline/\1$", definition, re.MULTILINE)
    assert included | {"src", "pyproject.toml", "constraints.txt"} <= set(copied)
    assert all((project / name).exists() for name in copied)


def test_every_rule_has_a_description(project):
    """``snakemake --list`` shows it; those of figures are made in the loop."""
    for path in [project / "workflow" / "Snakefile", *(project / "workflow/rules").glob("*.smk")]:
        if path.name != "figures.smk":
            rules = re.findall(r"^ *rule\b.*:\n(.*)", path.read_text(), re.MULTILINE)
            assert all(line.strip().startswith('"""') for line in rules), path.name


def test_import_is_quick_and_without_torch():
    code = "import sys, warpline; dir(warpline); print([m for m in ('torch', 'xarray', 'pandas') if m in sys.modules])"
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "[]"


@pytest.mark.slow
@pytest.mark.parametrize(
    "script", ["compare_networks", "compute_statistics", "figures/after_learning"]
)
def test_scripts_that_train_nothing_import_no_torch(project, script):
    code = (
        "import sys, runpy; sys.argv = ['x', '--help']\n"
        f"try: runpy.run_path({str(project / 'scripts' / (script + '.py'))!r}, run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print('torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip().endswith("False"), done.stderr


def test_every_public_name_of_the_package_exists():
    import warpline

    for name in warpline.__all__:
        assert getattr(warpline, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'comparee'"):
        warpline.comparee  # noqa: B018


@pytest.mark.slow
def test_command_line(project, tmp_path):
    def warp(*arguments):
        command = [sys.executable, "-m", "warpline", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=project)

    config = project / "config" / "config.yaml"
    assert "default: 25 networks" in warp("check", config).stdout
    bad = tmp_path / "bad.yaml"
    bad.write_text("trainning: {}\n")
    failed = warp("check", config, bad)
    assert failed.returncode == 1 and "did you mean 'training'?" in failed.stderr
    assert warp("provenance", tmp_path / "x.txt").returncode == 2
    assert "expected a table at" in warp("provenance", tmp_path / "x.csv").stderr
