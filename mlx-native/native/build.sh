#!/usr/bin/env bash
# Builds the native libraries into one flat folder: MLX, mlx-c, the text library and, on Linux, OpenBLAS.
# Idempotent: returns at once when the folder is up to date. Parts are cached by version in
# ${XDG_CACHE_HOME:-~/.cache}/langchain4j-mlx/build, so a second clone only copies.
#
#   build.sh [--out FOLDER] [--cuda 12|13]      default FOLDER: mlx-native/target/natives
#
# The headers of mlx-c are left beside it, in FOLDER/../mlx-c/include, and the licences of all parts in FOLDER/../licenses.
# The quotes and commas of linker options are meant as they are.
# shellcheck disable=SC2016,SC2054
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

main() {
    parse_options "$@"
    local key
    key=$(build_key)
    is_up_to_date "$key" && return 0
    check_tools
    lock_cache
    is_up_to_date "$key" && return 0 # another build, for which this one waited, made it
    stage "$WHEEL-$MLX_VERSION-$PLATFORM" fetch_wheel "$WHEEL==$MLX_VERSION" ${PIP_OPTIONS[@]+"${PIP_OPTIONS[@]}"}
    stage "mlx-c-$MLX_C_VERSION" fetch_mlx_c
    MLX=$CACHE/$WHEEL-$MLX_VERSION-$PLATFORM
    MLX_C=$CACHE/mlx-c-$MLX_C_VERSION
    MLXC_BUILD=mlxc-$MLX_C_VERSION-$WHEEL-$MLX_VERSION-$PLATFORM-$(mlxc_key)
    stage "$MLXC_BUILD" compile_mlx_c "$MLX_C" "$MLX/mlx" "${LINK_OPTIONS[@]}"
    TEXT_BUILD=text-$HOST-$(text_key)
    stage "$TEXT_BUILD" compile_text
    TEXT_LICENSES=text-licenses-$HOST-$(text_key)
    stage "$TEXT_LICENSES" collect_crate_licenses
    assemble "$key"
    say "done: $OUT"
}

is_up_to_date() { # KEY
    [ -f "$OUT/index.txt" ] && [ "$(head -1 "$OUT/index.txt")" = "# $1" ]
}

parse_options() {
    OUT=$NATIVE_DIR/../target/natives
    local cuda=
    while [ $# -gt 0 ]; do
        case $1 in
        --out) OUT=${2:?--out needs a folder} ; shift 2 ;;
        --cuda) cuda=${2:?--cuda needs 12 or 13} ; shift 2 ;;
        *) die "unknown option $1; known: --out FOLDER, --cuda 12|13" ;;
        esac
    done
    TARGET_OS=$OS
    PIP_OPTIONS=(--no-deps)
    CXX=("${CXX:-c++}")
    case $OS-$ARCH in
    Linux-x86_64 | Linux-aarch64)
        HOST=linux-$ARCH WHEEL=mlx-cpu LIBRARY_SUFFIX=so
        LINK_OPTIONS=(-Wl,-rpath,'$ORIGIN' -Wl,-soname,libmlxc.so -Wl,-s)
        ;;
    Darwin-aarch64)
        check_macos "$(sw_vers -productVersion)"
        HOST=osx-aarch64 WHEEL=mlx-metal LIBRARY_SUFFIX=dylib
        LINK_OPTIONS=(-Wl,-rpath,@loader_path -Wl,-install_name,@rpath/libmlxc.dylib)
        ;;
    Darwin-x86_64)
        [ "$(sysctl -n sysctl.proc_translated 2>/dev/null)" = 1 ] &&
            die "this shell runs under Rosetta; MLX needs arm64 programs: start it with arch -arm64 bash"
        die "no MLX for Macs with Intel processors; it needs Apple silicon"
        ;;
    *) die "no MLX for $OS on $ARCH; there is one for Linux on x86_64 or aarch64 and macOS on arm64" ;;
    esac
    PLATFORM=$HOST
    case $cuda in
    '') ;;
    12 | 13)
        [ "$OS" = Linux ] || die "--cuda is for Linux"
        WHEEL=mlx-cuda-$cuda PLATFORM=$HOST-cuda$cuda
        PIP_OPTIONS=() # the CUDA libraries are its dependencies
        ;;
    *) die "--cuda is 12 or 13, not $cuda" ;;
    esac
}

check_macos() { # VERSION
    [ "${1%%.*}" -ge "$MACOS_MIN" ] || die "macOS $1 is too old; MLX needs macOS $MACOS_MIN or newer"
}

check_tools() {
    need python3 "python3 python3-pip" python
    need perl perl perl
    need "${CXX[0]}" g++ gcc
    need cargo cargo rust
    if [ "$OS" = Linux ]; then
        need readelf binutils binutils
    fi
    check_needed
    python3 -m pip --version >/dev/null 2>&1 || {
        MISSING_COMMANDS=(pip) MISSING_PACKAGES=(python3-pip)
        [ "$OS" = Darwin ] && MISSING_PACKAGES=(python)
        check_needed
    }
    check_rust
}

check_rust() {
    local cargo users version
    cargo=$(command -v cargo)
    users=${cargo%/.cargo/bin/cargo}
    # Under another home than its own, rustup does not find what it installed.
    if [ -z "${RUSTUP_HOME:-}" ] && [ ! -d "$HOME/.rustup" ] && [ -d "$users/.rustup" ]; then
        export RUSTUP_HOME=$users/.rustup
    fi
    version=$(cargo --version 2>/dev/null | sed -n 's/^cargo 1\.\([0-9]*\)\..*/\1/p')
    if [ "${version:-0}" -lt "$RUST_MINOR_MIN" ]; then
        say "missing: Rust 1.$RUST_MINOR_MIN or newer (found: $(cargo --version 2>&1 | head -1))"
        say "install with: rustup default stable (rustup itself: https://rustup.rs)"
        exit 1
    fi
}

mlxc_key() { (cd "$NATIVE_DIR" && cat versions.sh common.sh format_shim.h vectors.h instruction_sets.h logits.cpp logits_kernels.h logits_rows.h fused.cpp fused_kernels.h encoder.cpp encoder_kernels.h unwritten.cpp | short_hash); }

text_key() { (cd "$NATIVE_DIR/../text" && cat Cargo.toml Cargo.lock src/*.rs | short_hash); }

build_key() { printf '%s %s' "$PLATFORM" "$({ mlxc_key; text_key; cat "$NATIVE_DIR/build.sh" "$NATIVE_DIR/blas.c" "$NATIVE_DIR/NOTICE" "$NATIVE_DIR/crate_licenses.py"; } | short_hash)"; }

compile_text() { # FOLDER
    cargo build -q --release --locked --manifest-path "$NATIVE_DIR/../text/Cargo.toml" \
        --target-dir "$CACHE/text-target" >&2 || return 1
    cp "$CACHE/text-target/release/liblangchain4j_mlx_text.$LIBRARY_SUFFIX" "$1/"
}

# The licence files of each crate in the text library, and crates.txt with their names and licences.
collect_crate_licenses() { # FOLDER
    local platform
    platform=$(cargo --version --verbose | sed -n 's/^host: //p')
    cargo metadata -q --format-version 1 --locked --filter-platform "$platform" \
        --manifest-path "$NATIVE_DIR/../text/Cargo.toml" | python3 "$NATIVE_DIR/crate_licenses.py" "$1"
}

# What the licences ask to be shipped with the libraries: NOTICE says what there is, the folders have the texts.
assemble_licenses() { # FOLDER
    local folder=$1 part wheel
    rm -rf "$folder"
    mkdir -p "$folder/mlx-c"
    cp "$MLX_C/LICENSE" "$folder/mlx-c/"
    cp -R "$CACHE/$TEXT_LICENSES" "$folder/crates"
    for wheel in "$MLX"/*.dist-info $([ "$OS" = Linux ] && printf '%s' "$CACHE/openblas-$OPENBLAS_VERSION-$ARCH"/*.dist-info); do
        part=${wheel##*/}
        mkdir -p "$folder/${part%-*.dist-info}"
        find "$wheel" -type f \( -iname '*licen*' -o -iname '*notice*' -o -iname '*copying*' \) \
            -exec cp {} "$folder/${part%-*.dist-info}/" \;
    done
    { cat "$NATIVE_DIR/NOTICE" && sed 's/^/  /' "$folder/crates/crates.txt"; } >"$folder/NOTICE"
    rm "$folder/crates/crates.txt"
}

# Puts everything into a new folder and swaps it with the old one, so that nobody sees half of it.
assemble() { # KEY
    local new=$OUT.new
    rm -rf "$new"
    mkdir -p "$new"
    cp "$MLX"/mlx/lib/*."$LIBRARY_SUFFIX" "$new/"
    cp "$CACHE/$MLXC_BUILD/libmlxc.$LIBRARY_SUFFIX" "$CACHE/$TEXT_BUILD"/*."$LIBRARY_SUFFIX" "$new/"
    if [ "$OS" = Darwin ]; then
        cp "$MLX"/mlx/lib/*.metallib "$new/"
        sign_macos "$new"
    else
        assemble_linux "$new"
    fi
    { printf '# %s\n' "$1" && write_index "$new"; } >"$new/.index" && mv "$new/.index" "$new/index.txt"
    rm -rf "$OUT"
    mv "$new" "$OUT"
    assemble_licenses "$OUT/../licenses"
    local headers=$OUT/../mlx-c/include
    rm -rf "$headers"
    mkdir -p "$headers/mlx/c"
    cp "$MLX_C"/mlx/c/*.h "$headers/mlx/c/"
}

# macOS runs only libraries with a valid signature and asks about downloaded ones. What has no valid signature gets an ad-hoc one.
sign_macos() { # FOLDER
    local library
    for library in "$1"/*.dylib; do
        chmod u+w "$library"
        xattr -d com.apple.quarantine "$library" 2>/dev/null || true
        codesign --verify "$library" 2>/dev/null || codesign --force --sign - "$library"
    done
}

# One line a file: SHA-256, bytes, name.
write_index() { # FOLDER
    local name
    (cd "$1" && for name in *; do
        printf '%s %s %s\n' "$(sha256 "$name" | cut -d' ' -f1)" "$(wc -c <"$name" | tr -d ' ')" "$name"
    done)
}

assemble_linux() { # FOLDER
    local folder=$1 library
    for library in "$MLX"/nvidia/*/lib/*.so* "$MLX"/"${WHEEL//-/_}".libs/*; do
        case ${library##*/} in
        \** | libblas-* | liblapack-* | libgfortran-* | libquadmath-*) ;; # no match, or what OpenBLAS replaces
        *) cp "$library" "$folder/" ;;
        esac
    done
    for library in "$folder"/*.so*; do
        use_own_folder "$library"
    done
    stage "openblas-$OPENBLAS_VERSION-$ARCH" fetch_wheel "scipy-openblas32==$OPENBLAS_VERSION" --no-deps
    cp "$CACHE/openblas-$OPENBLAS_VERSION-$ARCH/scipy_openblas32/lib/libscipy_openblas.so" "$folder/"
    replace_blas "$folder"
}

# Overwrites a run path that leads to the wheel's own folders by $ORIGIN, in place.
use_own_folder() { # LIBRARY
    local path
    path=$(readelf -d "$1" | sed -n 's/.*Library r\(un\)\{0,1\}path: \[\(.*\)\]$/\2/p')
    case $path in
    '' | '$ORIGIN') ;;
    '$ORIGIN'*)
        chmod u+w "$1"
        RUN_PATH=$path perl -0777 -pi -e \
            's/\Q$ENV{RUN_PATH}\E\0/"\$ORIGIN" . "\0" x (length($ENV{RUN_PATH}) - 6)/e' "$1"
        ;;
    *) die "unexpected run path $path in ${1##*/}" ;;
    esac
}

# Puts libraries with the names of the wheel's reference BLAS and LAPACK in their place: each symbol that libmlx
# imports from them is a jump to OpenBLAS, whose symbols carry the prefix scipy_; but for those of blas.c.
replace_blas() { # FOLDER
    local folder=$1 jump=jmp name symbols known
    [ "$ARCH" = aarch64 ] && jump=b
    symbols=$(nm -D --undefined-only "$folder/libmlx.so" | awk '{print $2}' | grep -E '^(cblas_|[a-z]+_$)')
    known=" $(nm -D --defined-only "$folder/libscipy_openblas.so" | awk '{print $3}' | tr '\n' ' ') "
    for name in $symbols; do
        case $known in
        *" scipy_$name "*) ;;
        *) die "libmlx needs $name, which OpenBLAS $OPENBLAS_VERSION does not have" ;;
        esac
        [ "$name" = cblas_sgemm ] && continue
        printf '.globl %s\n.type %s,%%function\n%s: %s scipy_%s%s\n' "$name" "$name" "$name" "$jump" "$name" \
            "$([ "$jump" = jmp ] && echo @PLT)"
    done >"$folder/.jumps.s"
    printf '.section .note.GNU-stack,"",%%progbits\n' >>"$folder/.jumps.s"
    for name in $(readelf -d "$folder/libmlx.so" | sed -n 's/.*(NEEDED).*\[\(lib\(blas\|lapack\)[-.].*\)\]$/\1/p'); do
        cc -shared -nostdlib -O2 -fPIC -o "$folder/$name" "$folder/.jumps.s" "$NATIVE_DIR/blas.c" -L"$folder" -lscipy_openblas -lgcc \
            -Wl,-rpath,'$ORIGIN' -Wl,-soname,"$name" -Wl,-s
    done
    rm "$folder/.jumps.s"
}

main "$@"
