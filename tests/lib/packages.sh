# SPDX-License-Identifier: Apache-2.0
# The Debian packages that building, running and testing need, and how they get onto the machine.
# Sourced by tests/run.sh and deploy/demo.sh.
# shellcheck shell=bash disable=SC2034

BUILD_PACKAGES=(gcc libc6-dev cmake ninja-build pkg-config libcurl4-openssl-dev libyaml-dev
    libhiredis-dev libjansson-dev libsodium-dev libssl-dev libarchive-dev zlib1g-dev libmicrohttpd-dev
    libsystemd-dev libexpat1-dev)
RUN_PACKAGES=(redis-server redis-tools haproxy git python3 iproute2 procps curl ca-certificates)
NGINX_PACKAGES=(nginx libnginx-mod-stream)
APACHE_PACKAGES=(apache2 libapache2-mod-jk)
TEST_PACKAGES=(clang libclang-rt-dev llvm clang-tidy clang-format cppcheck valgrind libcmocka-dev liblua5.1-0-dev
    python3-pytest python3-pytest-xdist python3-nacl util-linux "${NGINX_PACKAGES[@]}"
    "${APACHE_PACKAGES[@]}" tomcat10-common)
# Beside which the benchmarks measure.
BENCH_PACKAGES=(ansible)
# For the official clients of Azure. A Node.js from elsewhere has npm with it, and Debian's packages
# could not be installed beside it.
command -v npm >/dev/null || TEST_PACKAGES+=(nodejs npm)

POLICY=/usr/sbin/policy-rc.d

missing_packages() {
    local package
    for package; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] \
            || printf '%s\n' "$package"
    done
}

# Packages of servers start them as they are installed; policy-rc.d is Debian's way to say no. It
# is there for the time of the installation only, and one that was there before comes back.
forbid_service_starts() {
    [ ! -e "$POLICY" ] || mv -- "$POLICY" "$POLICY.before-shunt"
    printf '#!/bin/sh\nexit 101\n' >"$POLICY"
    chmod 755 "$POLICY"
}

allow_service_starts() {
    rm -f -- "$POLICY"
    [ ! -e "$POLICY.before-shunt" ] || mv -- "$POLICY.before-shunt" "$POLICY"
}

# Their units would start them at the next boot. Only those we brought in are switched off.
disable_new_services() {
    local package
    command -v systemctl >/dev/null || return 0
    for package; do
        case $package in
            redis-server | haproxy | nginx | apache2)
                systemctl --quiet disable "$package.service" 2>/dev/null ;;
        esac
    done
    return 0
}

# A subshell, so that its EXIT trap takes the guard away also when it is interrupted.
install_packages() (
    mapfile -t missing < <(missing_packages "$@")
    [ "${#missing[@]}" -gt 0 ] || exit 0
    if [ "$EUID" -ne 0 ]; then
        printf 'missing packages: %s\nhint: run this with sudo, or install them\n' \
            "${missing[*]}" >&2
        exit 1
    fi
    printf 'installing %s\n' "${missing[*]}"
    log=$(mktemp) || exit 1
    trap 'allow_service_starts; rm -f -- "$log"' EXIT
    forbid_service_starts
    export DEBIAN_FRONTEND=noninteractive
    if ! { apt-get -q -y -o DPkg::Lock::Timeout=300 update &&
        apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install \
            --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
        tail -n 30 "$log" >&2
        exit 1
    fi
    disable_new_services "${missing[@]}"
)
