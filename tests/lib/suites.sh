# SPDX-License-Identifier: Apache-2.0
# One function a suite. Each runs its tests, shows what fails, and records what the runners' own
# reports say. Sourced by tests/run.sh.
# shellcheck shell=bash disable=SC2154

total_passed=0 total_failed=0 total_skipped=0
summary=()

# record NAME PASSED FAILED SKIPPED
record() {
    total_passed=$((total_passed + $2)) total_failed=$((total_failed + $3))
    total_skipped=$((total_skipped + $4))
    summary+=("$(printf '%-28s %6d passed %4d failed %4d skipped' "$@")")
}

# A tool that checks rather than tests: its exit status is its one result.
run_check() {
    local name=$1
    shift
    printf '== %s\n' "$name"
    if "$@"; then record "$name" 1 0 0; else record "$name" 0 1 0; fi
}

# Runs a test runner and records its report, and any process that it left behind as a failure.
run_reported() {
    local name=$1 report=$2 status passed failed skipped
    shift 2
    printf '== %s\n' "$name"
    timeout --kill-after=30 "$SUITE_DEADLINE_S" "$top/tests/lib/no-leftovers" "$@"
    status=$?
    read -r passed failed skipped < <("$top/tests/lib/results" "$report")
    if [ $((passed + failed + skipped)) -eq 0 ] && [ "$status" -eq 0 ]; then
        printf '%s: there are no such tests yet, skipped\n' "$name"
        return
    fi
    # A runner that is not content although no case has failed: leftovers, a broken collection.
    [ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
    last_failed=$failed
    record "$name" "$passed" "$failed" "$skipped"
    [ "$failed" -eq 0 ] || name_failures "$report"
}

# At the very end, where whoever reads the last lines finds them.
NAMES_MOST=20
name_failures() {
    local name
    while read -r name; do
        [ -z "$name" ] || summary+=("  failed: $name")
    done < <("$top/tests/lib/results" --failed "$1" | head -n "$NAMES_MOST")
}

# Runs a program that closes with "N passed, N failed", and records that, and any process that it
# left behind or a close that is missing as a failure. One that has said why it skips itself is
# neither passed nor failed.
SKIPPED=77
run_closing() {
    local name=$1 log=$reports/${1// /-}.log status passed=0 failed=0
    shift
    printf '== %s\n' "$name"
    timeout --kill-after=30 "$SUITE_DEADLINE_S" "$top/tests/lib/no-leftovers" "$@" 2>&1 |
        tee "$log"
    status=${PIPESTATUS[0]}
    if [ "$status" -eq "$SKIPPED" ]; then
        record "$name" 0 0 1
        summary+=("  $(grep '^skipped: ' "$log" | tail -n 1)")
        return
    fi
    read -r passed failed < <(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$log" |
        tail -n 1)
    [ "$status" -eq 0 ] || [ "${failed:-0}" -gt 0 ] || failed=1
    record "$name" "${passed:-0}" "${failed:-0}" 0
}

# run_ctest NAME BUILD REGEX: one more at a time than there are cores, since most wait now and then.
run_ctest() {
    local name=$1 report=$reports/${1// /-}.xml
    build "$2" || return
    CMOCKA_MESSAGE_OUTPUT=TAP run_reported "$name" "$report" \
        ctest --test-dir "$(build_dir "$2")" --tests-regex "$3" --no-tests=ignore --progress \
        --parallel $((cores + 1)) --timeout 300 --output-on-failure --output-junit "$report" \
        --test-output-size-passed 4194304 --test-output-size-failed 4194304
}

# run_pytest NAME BUILD
run_pytest() {
    local name=$1 report=$reports/${1// /-}.xml folder folders=()
    build "$2" || return
    for folder in "$top/tests/integration" "$top/tests/emulators"; do
        [ -z "$(find "$folder" -name '*test*.py' -print -quit 2>/dev/null)" ] \
            || folders+=("$folder")
    done
    if [ ${#folders[@]} -eq 0 ]; then
        printf '%s: there are no such tests yet, skipped\n' "$name"
        return
    fi
    local without=()
    [ -z "${SHUNT_WITHOUT:-}" ] || without=("--ignore-glob=$SHUNT_WITHOUT")
    last_failed=0
    SHUNT_BUILD_DIR=$(build_dir "$2") run_reported "$name" "$report" \
        /usr/bin/python3 -B -m pytest -q -n $((cores + 1)) -o cache_dir="$reports/cache" --tb=short \
        --rootdir "$top/tests" --junitxml "$report" "${without[@]}" "${folders[@]}"
    [ "$last_failed" -eq 0 ] || [ "$last_failed" -gt "$AGAIN_MOST" ] || try_again "$@"
}

# Whole fleets side by side on two cores miss deadlines that are meant for one: the few that have
# failed are tried once more, one by one. What fails then has failed; what passes is told.
AGAIN_MOST=12
try_again() {
    local again=$reports/again-${1// /-}.xml
    total_failed=$((total_failed - last_failed))
    summary+=("  $last_failed of these are tried again, one by one:")
    SHUNT_BUILD_DIR=$(build_dir "$2") run_reported "$1, again" "$again" \
        /usr/bin/python3 -B -m pytest -v --lf --lfnf=none -o cache_dir="$reports/cache" \
        --tb=short --rootdir "$top/tests" --junitxml "$again" "${without[@]}" "${folders[@]}"
}

suite_unit() { run_ctest unit plain '^unit\.'; }
suite_contract() { run_ctest contract plain '^contract\.'; }
suite_simulator() { run_ctest simulator plain '^simulator\.'; }
suite_mutations() { run_check mutations "$top/tests/simulator/mutations/run"; }
suite_integration() { run_pytest integration plain; }

# Under sanitizers every process writes what it finds into a file of its own, daemons too, whose
# output and exit status a test may not look at. Each file is a failure.
run_sanitized() {
    local compiler=$1 found=$reports/sanitizer-$1 files
    shift
    mkdir -p "$found"
    export ASAN_OPTIONS="log_path=$found/asan:detect_stack_use_after_return=1"
    export UBSAN_OPTIONS="log_path=$found/ubsan:print_stacktrace=1"
    export TSAN_OPTIONS="log_path=$found/tsan:second_deadlock_stack=1"
    "$@"
    unset ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS
    mapfile -t files < <(find "$found" -type f -size +0)
    [ "${#files[@]}" -gt 0 ] || return
    head -n 80 "${files[@]}"
    record "sanitizer reports $compiler" 0 "${#files[@]}" 0
}

sanitized_c_tests() {
    run_ctest "sanitize $1 unit, contract" "asan-$1" '^((unit|contract)\.|simulator\.scenarios)'
}
sanitized_all_tests() {
    sanitized_c_tests "$1"
    run_pytest "sanitize $1 integration" "asan-$1"
}

suite_sanitize() {
    run_sanitized gcc sanitized_all_tests gcc
    run_sanitized clang sanitized_all_tests clang
    run_sanitized tsan run_ctest 'sanitize thread controller' tsan '^unit\.controller\.'
}

# The real servers of the contract are met once; `sanitize` meets them with both compilers.
suite_sanitize-short() {
    run_sanitized gcc sanitized_c_tests gcc
    run_sanitized clang run_ctest 'sanitize clang unit' asan-clang '^(unit\.|simulator\.scenarios)'
}

suite_valgrind() { run_ctest valgrind valgrind '^unit\.'; }

suite_fleet() {
    local scenarios
    read -r -a scenarios <<<"$FLEET_SCENARIOS"
    run_closing fleet "$top/tests/fleet/try" "${scenarios[@]}"
}

# The way of an operator from the packages to their purge, and what takes little time beside it.
suite_fleet-short() {
    run_closing fleet-short "$top/tests/fleet/try" whole-way upgrade-with-reboot \
        error-is-rolled-back
}

our_sources() {
    find "$top/common" "$top/controller" "$top/lb-drivers" "$top/node-agent" "$top/tests" \
        -name '*.[ch]' -print0
}

# What the compilation database has, which is what was built.
run_clang_tidy() {
    local folder
    folder=$(build_dir asan-clang)
    sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$folder/compile_commands.json" | sort -u |
        xargs -d '\n' -r -P "$cores" -n 4 clang-tidy --quiet -p "$folder" 2>/dev/null
}

run_cppcheck() {
    cppcheck --project="$(build_dir plain)/compile_commands.json" -j "$cores" --quiet \
        --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
        --library=posix --suppressions-list="$top/tests/lib/cppcheck-suppressions" \
        --template='{file}:{line}: {severity}: {message} [{id}]'
}

run_clang_format() { our_sources | xargs -0 -r clang-format --dry-run -Werror; }

# clang's warnings are errors in its build with sanitizers, which other suites need as well.
suite_static() {
    run_check clang-format run_clang_format
    if build asan-clang; then run_check clang-tidy run_clang_tidy; fi
    if build plain; then run_check cppcheck run_cppcheck; fi
}

# No figure is judged: machines are shared. That each benchmark still runs is, so one more at a time
# than there are cores.
BENCHMARKS=(rollout fleet balancers takeover dispatch stage rest start)
suite_bench() {
    build plain || return
    install_packages "${BENCH_PACKAGES[@]}" || {
        record 'packages of bench' 0 1 0
        return
    }
    run_side_by_side $((cores + 1)) run_benchmark "${BENCHMARKS[@]/#/bench }"
}

run_benchmark() {
    SHUNT_BUILD_DIR=$(build_dir plain) timeout --kill-after=30 "$SUITE_DEADLINE_S" \
        "$top/tests/bench/run.sh" --smallest --only "${1#bench }"
}

# run_side_by_side COUNT FUNCTION NAME…: calls the function with each name, that many at a time, and
# records each status once all have ended.
run_side_by_side() {
    local most=$1 function=$2 name folder=$reports/side-by-side
    shift 2
    mkdir -p "$folder"
    for name; do
        while [ "$(jobs -rp | wc -l)" -ge "$most" ]; do wait -n; done
        { "$function" "$name" && touch "$folder/$name.good"; } >"$folder/$name.said" 2>&1 &
    done
    wait
    for name; do
        run_check "$name" has_gone_well "$folder/$name"
    done
}

has_gone_well() {
    cat -- "$1.said"
    [ -e "$1.good" ]
}

# Says nothing of a target that finds nothing.
run_fuzz_target() {
    local name=$1 work=$reports/fuzz/$1 corpus=$top/tests/fuzz/corpus/${1#fuzz_} program
    mkdir -p "$work"
    [ ! -d "$corpus" ] || cp -- "$corpus"/* "$work"
    program=$(find "$(build_dir fuzz)" -type f -name "$name" -perm -u+x -print -quit)
    "$top/tests/lib/no-leftovers" "$program" -max_total_time="$FUZZ_SECONDS" -timeout=10 \
        -rss_limit_mb=2048 -artifact_prefix="$(build_dir fuzz)/$name-" "$work" \
        >"$work.log" 2>&1 || { tail -n 60 "$work.log"; return 1; }
}

# As many targets at one time as there are cores.
suite_fuzz() {
    local names
    mapfile -t names < <(fuzz_targets)
    if [ ${#names[@]} -eq 0 ]; then
        printf 'fuzz: there are no such tests yet, skipped\n'
        return
    fi
    build fuzz || return
    run_side_by_side "$cores" run_fuzz_target "${names[@]}"
}
