#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# sudo deploy/demo.sh [--lb haproxy|nginx|apache] [--report FILE] [--keep] [--fast]
#                     [--network N.N.N]
#
# Installs what is missing, builds, and shows an upgrade and a rollback of a cluster of three nodes
# under traffic, on this machine alone. README.md says what it measures. Exit status 0 only if all
# of it went as it should. SHUNT_BUILD_DIR names a build to use instead of making one.
set -u -o pipefail

top=$(cd -P -- "$(dirname -- "$0")/.." && pwd) || exit 1
. "$top/tests/lib/packages.sh"

build() {
    local folder=$top/build-demo log
    log=$(mktemp) || return 1
    printf '== build\n'
    if ! { cmake -S "$top" -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
        -DSHUNT_TESTS=OFF && cmake --build "$folder"; } >"$log" 2>&1; then
        tail -n 60 "$log"
        rm -f -- "$log"
        return 1
    fi
    rm -f -- "$log"
    export SHUNT_BUILD_DIR=$folder
}

# The load balancer that was asked for is all that is installed of them.
lb_packages() {
    local lb=haproxy before=''
    for word; do
        case $before in --lb) lb=$word ;; esac
        case $word in --lb=*) lb=${word#--lb=} ;; esac
        before=$word
    done
    case $lb in
        nginx) printf '%s\n' "${NGINX_PACKAGES[@]}" ;;
        apache) printf '%s\n' "${APACHE_PACKAGES[@]}" ;;
    esac
}

mapfile -t balancer < <(lb_packages "$@")
install_packages "${BUILD_PACKAGES[@]}" "${RUN_PACKAGES[@]}" "${balancer[@]}" || exit 1
[ -n "${SHUNT_BUILD_DIR:-}" ] || build || exit 1
exec "$top/tests/lib/no-leftovers" /usr/bin/python3 -B "$top/deploy/demo/demo.py" "$@"
