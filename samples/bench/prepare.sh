#!/usr/bin/env bash
# Makes what the benchmarks need beside this repository, once: an environment of Python with mlx-lm, and the models.
# usage: prepare.sh FOLDER [--python PYTHON] [NAME ...]; prints the interpreter. PYTHON has mlx-lm 0.32.2 already.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
FOLDER=$1
shift
PYTHON=
if [ "${1:-}" = --python ]; then
    PYTHON=$2
    shift 2
fi
if [ -z "$PYTHON" ]; then
    PYTHON=$FOLDER/venv/bin/python
    if [ ! -f "$FOLDER/venv/complete" ]; then
        python3 -m venv "$FOLDER/venv" >&2
        packages=(mlx==0.32.2 mlx-lm==0.32.2 transformers jinja2)
        [ "$(uname -s)" = Darwin ] || packages+=(mlx-cpu==0.32.2)
        "$PYTHON" -m pip install --quiet --disable-pip-version-check "${packages[@]}" >&2
        touch "$FOLDER/venv/complete"
    fi
fi
mkdir -p "$FOLDER/models"
"$PYTHON" "$HERE/make_models.py" "$FOLDER/models" "$@" >&2
echo "$PYTHON"
