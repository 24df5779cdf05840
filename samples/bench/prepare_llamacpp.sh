#!/usr/bin/env bash
# An environment of Python with llama.cpp, which is compiled for this machine, once.
# usage: prepare_llamacpp.sh FOLDER; prints the interpreter, or fails where it cannot be built.
set -euo pipefail

VENV=$1/venv-llamacpp
if [ ! -f "$VENV/complete" ]; then
    python3 -m venv "$VENV" >&2
    CMAKE_ARGS="-DLLAVA_BUILD=OFF" "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check \
        --no-binary=llama-cpp-python llama-cpp-python==0.3.36 >&2
    touch "$VENV/complete"
fi
echo "$VENV/bin/python"
