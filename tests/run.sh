#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# sudo tests/run.sh [SUITE…]: installs the packages that are missing, builds, runs the suites and
# closes with the line "N passed, N failed". README.md says what each suite is.
#
# Exit status: 0 all passed, 1 something failed or nothing ran, 2 wrong use.
set -u -o pipefail

top=$(cd -P -- "$(dirname -- "$0")/.." && pwd) || exit 1
. "$top/tests/lib/packages.sh"
. "$top/tests/lib/builds.sh"
. "$top/tests/lib/suites.sh"

DEFAULT_SUITES=(unit contract simulator integration static sanitize-short)
ALL_SUITES=(unit contract simulator integration static sanitize valgrind fuzz mutations fleet)
SUITES=("${ALL_SUITES[@]}" sanitize-short fleet-short bench)
FUZZ_SECONDS=${FUZZ_SECONDS:-10}
FLEET_SCENARIOS=${FLEET_SCENARIOS:-} # all
SUITE_DEADLINE_S=${SUITE_DEADLINE_S:-1800}

# What a caller's environment says of compilers, locale and Python must not change a result.
unset CC CFLAGS LDFLAGS PYTHONPATH PYTHONHOME MAKEFLAGS
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
cores=$(nproc)

usage() {
    printf 'usage: tests/run.sh [SUITE…]\nsuites: all %s\nby default: %s\n' "${SUITES[*]}" \
        "${DEFAULT_SUITES[*]}" >&2
    exit 2
}

choose_suites() {
    local suite
    chosen=()
    for suite; do
        case " all ${SUITES[*]} " in
            *" $suite "*) ;;
            *) usage ;;
        esac
        if [ "$suite" = all ]; then chosen+=("${ALL_SUITES[@]}"); else chosen+=("$suite"); fi
    done
    [ $# -gt 0 ] || chosen=("${DEFAULT_SUITES[@]}")
}

close() {
    printf '\n'
    [ ${#summary[@]} -eq 0 ] || printf '%s\n' "${summary[@]}"
    printf '%d passed, %d failed\n' "$total_passed" "$total_failed"
    [ "$total_failed" -eq 0 ] && [ "$total_passed" -gt 0 ]
}

choose_suites "$@"
reports=$(mktemp -d) || exit 1
trap 'rm -rf -- "$reports"' EXIT
if install_packages "${BUILD_PACKAGES[@]}" "${RUN_PACKAGES[@]}" "${TEST_PACKAGES[@]}"; then
    for suite in "${chosen[@]}"; do
        "suite_$suite"
    done
else
    record packages 0 1 0
fi
close
