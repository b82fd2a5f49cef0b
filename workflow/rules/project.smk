# Where the project's files lie, before its package can be imported.

import io
import os
import sys
import tarfile
import tempfile
from pathlib import Path

from snakemake.exceptions import WorkflowError


def unpacked(basedir):
    """Return a folder with the project's files at the commit of a workflow that is read out of git.

    Snakemake reads such a workflow file by file. Jobs need scripts and package as files, so what they need
    is unpacked once for each commit, below .snakemake.
    """
    import git

    hosted = hasattr(basedir, "hosted_repo")
    repository = basedir.hosted_repo.repo if hosted else git.Repo(basedir.repo_path)
    commit = repository.commit(basedir.ref).hexsha
    folder = Path(".snakemake", "warpline", commit).absolute()
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()
        needed = ["workflow", "config", "scripts", "src", "profiles", "envs"]
        repository.archive(content, commit, path=needed)
        content.seek(0)
        aside = tempfile.mkdtemp(dir=folder.parent)
        with tarfile.open(fileobj=content) as archive:
            # Python before 3.11.4 has no filters.
            archive.extraction_filter = getattr(tarfile, "data_filter", None)
            archive.extractall(aside)
        try:
            os.rename(aside, folder)
        except OSError:
            # Another process was faster.
            if not folder.is_dir():
                raise
    return folder


def project_folder(basedir):
    """Return the folder with workflow, scripts and package, from the folder of this file."""
    return unpacked(basedir) if hasattr(basedir, "ref") else Path(str(basedir)).parent.parent


PROJECT = project_folder(workflow.current_basedir)
DEFAULT = PROJECT / "config" / "config.yaml"

# A checkout has its package beside the workflow: jobs find it there, whether or not it is installed. In a wheel
# the workflow lies in the package, which is installed.
CHECKOUT = (PROJECT / "src").is_dir()
SOURCE = PROJECT / "src" if CHECKOUT else PROJECT.parent.parent
if CHECKOUT:
    sys.path.insert(0, str(SOURCE))
    os.environ.update(
        PYTHONPATH=os.pathsep.join([str(SOURCE), *filter(None, [os.getenv("PYTHONPATH")])])
    )
# Jobs take the interpreter of the environment that Snakemake runs in, whether or not it is activated.
os.environ.update(
    WARPLINE_SCRIPTS=str(PROJECT / "scripts"),
    PATH=os.pathsep.join([os.path.dirname(sys.executable), os.getenv("PATH", os.defpath)]),
)

import warpline

if Path(warpline.__file__).resolve().parent.parent != SOURCE.resolve():
    raise WorkflowError(
        f"expected the package of this workflow, in {SOURCE}, but warpline was imported before from "
        f"{Path(warpline.__file__).parent}: import nothing of it above the module, or take both from one place"
    )
