#!/usr/bin/env bash
# A check of the macOS side that runs on Linux: compiles mlx-c for arm64 macOS, links it against the libmlx.dylib of the
# mlx-metal wheel, and then a program against that which takes the address of every function in bindings.txt, and of those
# of libmlx itself that Java calls by their C++ names. The program also checks what ProcessMemory.java knows of macOS by
# number.
# The compiler is zig's, from its wheel (100 MB, cached).
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

MACOS=$MACOS_MIN.0
METAL=mlx-metal-$MLX_VERSION-osx-aarch64

fetch_metal() { # FOLDER
    fetch_wheel "$1" "mlx-metal==$MLX_VERSION" --no-deps --platform "macosx_${MACOS/./_}_arm64"
}

# A constant of ProcessMemory.java.
java_number() { # NAME
    sed -n "s/.* $1 = \([0-9]*\);/\1/p" "$NATIVE_DIR/../src/main/java/dev/langchain4j/mlx/ffi/ProcessMemory.java"
}

# zig's own headers for macOS define these by Apple's compiler builtins, which it does not find on Linux.
write_compiler() { # FILE
    printf '#!/bin/sh\nexec "%s" c++ -target aarch64-macos.%s %s "$@"\n' "$CACHE/zig-$ZIG_VERSION/ziglang/zig" "$MACOS" \
        "-DNAN='__builtin_nanf(\"\")' -DINFINITY='__builtin_inff()' -DHUGE_VAL='__builtin_huge_val()' -Wno-macro-redefined" >"$1"
    chmod +x "$1"
}

main() {
    local functions own work
    functions=$(sed -n 's/^[^#]*[ *]\(_\{0,1\}mlx_[a-z0-9_]*\)(.*/\1/p' "$NATIVE_DIR/../bindings.txt" | sort -u)
    [ -n "$functions" ] || die "bindings.txt names no function"
    own=$(sed -n 's/.*"\(_ZN[A-Za-z0-9_]*\)".*/\1/p' "$NATIVE_DIR"/../src/main/java/dev/langchain4j/mlx/ffi/*.java)
    need python3 "python3 python3-pip" python
    need perl perl perl
    need cargo cargo rust
    check_needed
    lock_cache
    stage "zig-$ZIG_VERSION" fetch_wheel "ziglang==$ZIG_VERSION" --no-deps
    stage "$METAL" fetch_metal
    stage "mlx-c-$MLX_C_VERSION" fetch_mlx_c
    work=$CACHE/check-macos
    rm -rf "$work"
    mkdir -p "$work"
    chmod +x "$CACHE/zig-$ZIG_VERSION/ziglang/zig"
    write_compiler "$work/c++"
    CXX=("$work/c++") TARGET_OS=Darwin
    say "compiling mlx-c for arm64 macOS"
    compile_mlx_c "$work" "$CACHE/mlx-c-$MLX_C_VERSION" "$CACHE/$METAL/mlx" \
        -Wl,-rpath,@loader_path -Wl,-install_name,@rpath/libmlxc.dylib
    {
        printf '#include <cstddef>\n#include <mach/mach.h>\n#include <mlx/c/mlx.h>\n'
        for name in $own; do
            printf 'extern "C" void %s();\n' "$name"
        done
        printf 'static_assert(TASK_VM_INFO == %s);\n' "$(java_number TASK_VM_INFO)"
        printf 'static_assert(TASK_VM_INFO_REV1_COUNT == %s);\n' "$(java_number TASK_VM_INFO_REV1_COUNT)"
        printf 'static_assert(offsetof(task_vm_info, phys_footprint) == %s);\n' "$(java_number PHYS_FOOTPRINT)"
        printf 'const void* all[] = {\n  (const void*)&task_info,\n  (const void*)&mach_task_self_,\n'
        for name in $functions $own; do
            printf '  (const void*)&%s,\n' "$name"
        done
        printf '};\nint main(int count, char**) { return all[count] == nullptr; }\n'
    } >"$work/all.cpp"
    say "linking $(wc -w <<<"$functions" | tr -d ' ') functions of bindings.txt"
    "${CXX[@]}" -std=c++20 -I"$CACHE/mlx-c-$MLX_C_VERSION" "$work/all.cpp" -o "$work/all" \
        -L"$work" -lmlxc -L"$CACHE/$METAL/mlx/lib" -lmlx
    say "ok: every function of bindings.txt links for arm64 macOS, as does what ProcessMemory.java calls"
}

main
