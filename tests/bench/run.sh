#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# sudo tests/bench/run.sh [--report FILE] [--only NAME]… [--smallest]
#
# Installs what is missing, builds, measures one thing after the other, and prints a table with
# ratios. README.md says how each is measured. SHUNT_BUILD_DIR names a build to use instead of
# making one.
set -u -o pipefail

top=$(cd -P -- "$(dirname -- "$0")/../.." && pwd) || exit 1
. "$top/tests/lib/packages.sh"
. "$top/tests/lib/builds.sh"

# Of builds.sh: a build that fails has shown why.
record() { :; }

unset CC CFLAGS LDFLAGS PYTHONPATH PYTHONHOME MAKEFLAGS
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1

install_packages "${BUILD_PACKAGES[@]}" "${RUN_PACKAGES[@]}" "${TEST_PACKAGES[@]}" \
    "${BENCH_PACKAGES[@]}" || exit 1
if [ -z "${SHUNT_BUILD_DIR:-}" ]; then
    reports=$(mktemp -d) || exit 1
    trap 'rm -rf -- "$reports"' EXIT
    build plain || exit 1
    SHUNT_BUILD_DIR=$(build_dir plain)
    export SHUNT_BUILD_DIR
fi
# 10,000 agents have 12,500 connections, and Redis has the other ends.
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"
"$top/tests/lib/no-leftovers" /usr/bin/python3 -B "$top/tests/bench/run.py" "$@"
