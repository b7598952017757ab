# SPDX-License-Identifier: Apache-2.0
# The builds that the suites need, each in its own folder of the checkout, each made once a run.
# Sourced by tests/run.sh.
# shellcheck shell=bash disable=SC2154,SC2054

# One word names a build; the folder is build-WORD, and build/ for the plain one.
build_dir() {
    [ "$1" = plain ] && printf '%s/build\n' "$top" || printf '%s/build-%s\n' "$top" "$1"
}

build_options() {
    case $1 in
        plain) options=(-DCMAKE_C_COMPILER=gcc) ;;
        clang) options=(-DCMAKE_C_COMPILER=clang -DSHUNT_WERROR=ON) ;;
        # gcc's warnings see ghosts in instrumented code, so they are left to the plain build.
        asan-gcc) options=(-DCMAKE_C_COMPILER=gcc -DSHUNT_SANITIZE=address,undefined
            -DSHUNT_WERROR=OFF) ;;
        asan-clang) options=(-DCMAKE_C_COMPILER=clang -DSHUNT_SANITIZE=address,undefined) ;;
        # Without a fixed address layout the thread sanitizer does not start on recent kernels.
        tsan) options=(-DCMAKE_C_COMPILER=gcc -DSHUNT_SANITIZE=thread -DSHUNT_WERROR=OFF
            "-DCMAKE_CROSSCOMPILING_EMULATOR=setarch;-R") ;;
        # The "emulator" is a prefix that ctest puts before every test program.
        valgrind) options=(-DCMAKE_C_COMPILER=gcc
            "-DCMAKE_CROSSCOMPILING_EMULATOR=$top/tests/lib/memcheck") ;;
        fuzz) options=(-DCMAKE_C_COMPILER=clang -DSHUNT_FUZZ=ON
            -DSHUNT_SANITIZE=address,undefined -DCMAKE_C_FLAGS=-fsanitize=fuzzer-no-link) ;;
    esac
}

declare -A built=()

# Configures and builds; says nothing unless it fails. A failure is a result, counted once.
build() {
    local name=$1 folder options log
    folder=$(build_dir "$name")
    log=$reports/build-$name.log
    if [ -z "${built[$name]:-}" ]; then
        printf '== build %s\n' "$name"
        build_options "$name"
        if cmake -S "$top" -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
            -DSHUNT_TESTS=ON "${options[@]}" >"$log" 2>&1 && cmake --build "$folder" >>"$log" 2>&1
        then
            built[$name]=yes
        else
            built[$name]=no
            tail -n 80 "$log"
            record "build $name" 0 1 0
        fi
    fi
    [ "${built[$name]}" = yes ]
}
