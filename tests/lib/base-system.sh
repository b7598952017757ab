# SPDX-License-Identifier: Apache-2.0
# A fresh Debian 12 to boot in a container: how it is made, and what it needs to reach a mirror from
# this machine. Kept in /var/tmp for the next time. Sourced by tests/fresh-system.sh and
# tests/fleet/try.
# shellcheck shell=bash

BASE=/var/tmp/shunt-fresh-bookworm.tar

# "URI SUITE" of Debian's own archives, as this machine uses them.
debian_sources() {
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
        sed -n 's/^Debian //p' | sort -u
}

# What it takes to reach a mirror from here: proxies, and who may vouch for them.
copy_network_settings() {
    local root=$1 uri suite
    while read -r uri suite; do
        printf 'deb %s %s main\n' "$uri" "$suite"
    done < <(debian_sources) >"$root/etc/apt/sources.list"
    apt-config dump | grep -E '^Acquire::(http|https|ftp)[: ]' >"$root/etc/apt/apt.conf.d/90host" \
        || rm -f -- "$root/etc/apt/apt.conf.d/90host"
    if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
        cp -- /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/"
        chroot "$root" update-ca-certificates >/dev/null 2>&1
    fi
}

make_base() {
    local mirror root=$1
    mirror=$(debian_sources | awk '$2 == "bookworm" { print $1; exit }')
    printf 'making a base system from %s\n' "${mirror:?no Debian 12 archive is configured}"
    debootstrap --include=git,sudo,dbus,ca-certificates bookworm "$root" "$mirror" >/dev/null
    rm -rf -- "$root"/var/cache/apt/archives/*.deb
    tar -C "$root" -cf "$BASE.new.$$" .
    mv -- "$BASE.new.$$" "$BASE"
}

# Into an empty directory.
unpack_base() {
    if [ -e "$BASE" ]; then tar -C "$1" -xf "$BASE"; else make_base "$1"; fi
    copy_network_settings "$1"
}
