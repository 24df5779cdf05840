#!/usr/bin/env bash
# An environment of Python with llama.cpp, compiled for this machine, once: the library alone, without its programs.
# usage: prepare_llamacpp.sh FOLDER; prints the interpreter, or fails where it cannot be built. JOBS: compilers at once.
set -euo pipefail

PACKAGE=llama-cpp-python
VERSION=0.3.36
VENV=$1/venv-llamacpp
PYTHON=$VENV/bin/python

build() { # SOURCES, of the package
    local build=$VENV/build
    cmake -S "$1/vendor/llama.cpp" -B "$build" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON -DGGML_NATIVE=ON \
        -DCMAKE_INSTALL_RPATH="\$ORIGIN" -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON -DLLAMA_BUILD_COMMON=OFF -DLLAMA_BUILD_APP=OFF \
        -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_SERVER=OFF
    cmake --build "$build" --target llama --parallel "${JOBS:-2}"
    CMAKE_ARGS="-DLLAMA_BUILD=OFF -DLLAVA_BUILD=OFF" "$PYTHON" -m pip install --quiet --disable-pip-version-check "$1"
    local library
    library=$("$PYTHON" -c 'import importlib.util as u; print(u.find_spec("llama_cpp").submodule_search_locations[0])')/lib
    mkdir -p "$library"
    cp -P "$build"/bin/lib* "$library"
    rm -r "$build"
}

if [ ! -f "$VENV/complete" ]; then
    {
        python3 -m venv "$VENV"
        mkdir -p "$VENV/source"
        archive=$VENV/source/${PACKAGE//-/_}-$VERSION
        [ -f "$archive.tar.gz" ] || "$PYTHON" -m pip download --quiet --disable-pip-version-check --no-deps \
            --no-binary "$PACKAGE" --dest "$VENV/source" "$PACKAGE==$VERSION"
        tar -xzf "$archive.tar.gz" -C "$VENV/source"
        build "$archive"
        rm -r "$VENV/source"
        "$PYTHON" -c 'import llama_cpp'
        touch "$VENV/complete"
    } >&2
fi
echo "$PYTHON"
