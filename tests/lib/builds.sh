# SPDX-License-Identifier: Apache-2.0
# The builds that the suites need, each in its own folder of the checkout, each made once a run.
# Sourced by tests/run.sh.
# shellcheck shell=bash disable=SC2154,SC2054

# One word names a build; the folder is build-WORD, and build/ for the plain one.
build_dir() {
    [ "$1" = plain ] && printf '%s/build\n' "$top" || printf '%s/build-%s\n' "$top" "$1"
}

# One name a target of tests/fuzz.
fuzz_targets() {
    local source
    for source in "$top"/tests/fuzz/fuzz_*.c; do
        [ ! -e "$source" ] || basename "$source" .c
    done
}

# Sets `options` of cmake and, where not all is wanted, `targets`. Builds that are made for what
# they tell, and not to be shipped, are optimised less: gcc makes them in half the time.
QUICKLY=(-DCMAKE_C_FLAGS_RELWITHDEBINFO='-O1 -g1 -DNDEBUG')
build_options() {
    targets=(all)
    case $1 in
        plain) options=(-DCMAKE_C_COMPILER=gcc) ;;
        # gcc's warnings see ghosts in instrumented code, so they are left to the plain build.
        asan-gcc) options=(-DCMAKE_C_COMPILER=gcc -DSHUNT_SANITIZE=address,undefined
            -DSHUNT_WERROR=OFF "${QUICKLY[@]}") ;;
        asan-clang) options=(-DCMAKE_C_COMPILER=clang -DSHUNT_SANITIZE=address,undefined
            -DSHUNT_WERROR=ON "${QUICKLY[@]}") ;;
        # Without a fixed address layout the thread sanitizer does not start on recent kernels.
        tsan) options=(-DCMAKE_C_COMPILER=gcc -DSHUNT_SANITIZE=thread -DSHUNT_WERROR=OFF
            "-DCMAKE_CROSSCOMPILING_EMULATOR=setarch;-R") ;;
        # The "emulator" is a prefix that ctest puts before every test program.
        valgrind) options=(-DCMAKE_C_COMPILER=gcc
            "-DCMAKE_CROSSCOMPILING_EMULATOR=$top/tests/lib/memcheck") ;;
        fuzz) options=(-DCMAKE_C_COMPILER=clang -DSHUNT_FUZZ=ON
            -DSHUNT_SANITIZE=address,undefined -DCMAKE_C_FLAGS=-fsanitize=fuzzer-no-link
            "${QUICKLY[@]}")
            mapfile -t targets < <(fuzz_targets) ;;
    esac
}

declare -A built=()

# Configures and builds; says nothing unless it fails. A failure is a result, counted once.
build() {
    local name=$1 folder options targets log
    folder=$(build_dir "$name")
    log=$reports/build-$name.log
    if [ -z "${built[$name]:-}" ]; then
        printf '== build %s\n' "$name"
        build_options "$name"
        if cmake -S "$top" -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
            -DSHUNT_TESTS=ON "${options[@]}" >"$log" 2>&1 &&
            cmake --build "$folder" --target "${targets[@]}" >>"$log" 2>&1
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
