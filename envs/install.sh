#!/usr/bin/env bash
# Run in a checkout: installs Warpline, and what it needs on SLURM, into an environment. For the containers.
#   envs/install.sh FOLDER
set -euo pipefail
environment=$1
python3 -m venv "$environment"
pip() { "$environment/bin/python" -m pip install --no-cache-dir --disable-pip-version-check -c constraints.txt "$@"; }
pip .
# See docs/install.md: the plugin states a newer numpy than neurogym allows.
pip throttler snakemake-executor-plugin-slurm-jobstep
pip --no-deps snakemake-executor-plugin-slurm
# Every job imports torch anew: without bytecode that takes three times as long.
"$environment/bin/python" -m compileall -q -j 0 "$environment/lib" > /dev/null || true
"$environment/bin/warpline" --version
