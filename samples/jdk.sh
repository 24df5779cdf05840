# find_jdk: prints the home of a JDK 25 or newer, or says what is missing and fails. Sourced by samples/run and .ci/run.
# shellcheck shell=bash

jdk_major() { # HOME
    sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release" 2>/dev/null || true
}

find_jdk() {
    local java home major
    java=$(command -v java || true)
    for home in "${JAVA_HOME:-}" "${java:+$(dirname "$(dirname "$(readlink -f "$java" 2>/dev/null || echo "$java")")")}" \
        "$(/usr/libexec/java_home -v 25+ 2>/dev/null || true)" \
        /usr/lib/jvm/* /opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home "$HOME"/.sdkman/candidates/java/*; do
        major=$(jdk_major "$home")
        if [ "${major:-0}" -ge 25 ] && [ -x "$home/bin/javac" ]; then
            printf '%s\n' "$home"
            return 0
        fi
    done
    {
        echo "missing: a JDK of version 25 or newer"
        if [ "$(uname -s)" = Darwin ]; then
            echo "install with: brew install openjdk@25"
        else
            echo "install with: sudo apt-get update && sudo apt-get install -y openjdk-25-jdk-headless"
            echo "where the system has no such package, unpack one anywhere (https://adoptium.net) and set JAVA_HOME"
        fi
    } >&2
    return 1
}
