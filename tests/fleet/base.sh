# SPDX-License-Identifier: Apache-2.0
# What every host of the fleet is an overlay of: a Debian 12 with the packages that Shunt's depend
# on and the servers that it is used with, none of which starts by itself. Sourced by
# tests/fleet/try, after tests/lib/packages.sh and base-system.sh.
# shellcheck shell=bash disable=SC2154

HOST_PACKAGES=(systemd-sysv redis-server haproxy git python3 procps curl iproute2 sudo adduser dbus
    libcurl4 libyaml-0-2 libhiredis0.14 libjansson4 libsodium23 libssl3 libarchive13 libsystemd0
    libexpat1 libmicrohttpd12)
# What takes time at each boot and has nothing to do with the tests.
UNUSED_UNITS=(apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer
    e2scrub_reap.service fstrim.timer logrotate.timer man-db.timer systemd-timesyncd.service
    console-getty.service cron.service networking.service rsyslog.service systemd-networkd.service
    systemd-resolved.service redis-server.service haproxy.service)
ATLASSIAN_ID=899 # of the user and the group on every host, as one file server wants it

# A host finds its own name and address in files that the fleet writes.
ADDRESS_UNIT='[Unit]
Description=Address of this host in the fleet
DefaultDependencies=no
Before=network-pre.target network-online.target
Wants=network-pre.target
[Service]
Type=oneshot
RemainAfterExit=yes
EnvironmentFile=/etc/fleet-address
ExecStart=/usr/sbin/ip link set lo up
ExecStart=/usr/sbin/ip link set host0 up
ExecStart=/usr/sbin/ip address replace ${ADDRESS}/24 dev host0
[Install]
WantedBy=sysinit.target'

# From Debian's archives as this machine uses them, with what it takes to reach them.
install_debian() {
    local sources=() uri suite
    while read -r uri suite; do
        sources+=("deb $uri $suite main")
    done < <(debian_sources)
    apt-config dump | { grep -E '^Acquire::(http|https|ftp)[: ]' || true; } >"$1.apt"
    mmdebstrap --mode=root --variant=apt --include="${HOST_PACKAGES[*]}" --aptopt="$1.apt" \
        bookworm "$1" "${sources[@]}"
}

set_up_host() {
    local root=$1
    install_debian "$root"
    printf '%s\n' "$ADDRESS_UNIT" >"$root/etc/systemd/system/fleet-address.service"
    chroot "$root" systemctl --quiet enable fleet-address.service
    chroot "$root" systemctl --quiet disable "${UNUSED_UNITS[@]}" 2>/dev/null || true
    chroot "$root" groupadd --system --gid "$ATLASSIAN_ID" atlbitbucket
    chroot "$root" useradd --system --uid "$ATLASSIAN_ID" --gid "$ATLASSIAN_ID" --no-create-home \
        --home-dir /var/atlassian/application-data/bitbucket --shell /bin/bash atlbitbucket
    : >"$root/etc/machine-id"
    rm -f -- "$root.apt" "$root/etc/resolv.conf" "$root/var/lib/dbus/machine-id"
}

# Its name changes with all that goes into it.
BASES=/var/tmp/shunt-fleet-bookworm
FLEET_BASE=$BASES-$({
    declare -p HOST_PACKAGES UNUSED_UNITS ATLASSIAN_ID ADDRESS_UNIT
    declare -f install_debian set_up_host
} | sha256sum | cut -c1-12)

# Of earlier versions, and what was half made. Who uses a base holds its lock.
remove_other_bases() {
    local lock
    rm -rf --one-file-system -- "$FLEET_BASE".?????? "$FLEET_BASE".??????.apt
    for lock in "$BASES"-*.lock; do
        [ "$lock" != "$FLEET_BASE.lock" ] || continue
        exec 6<"$lock"
        ! flock --nonblock 6 || rm -rf --one-file-system -- "${lock%.lock}" "$lock"
        exec 6<&-
    done
}

# Several runs may use it at once, and one makes it. What is half done is in $made, which the caller
# removes at its end.
make_fleet_base() {
    exec 9>"$FLEET_BASE.lock"
    flock --shared 9
    [ ! -d "$FLEET_BASE" ] || return 0
    flock 9
    if [ ! -d "$FLEET_BASE" ]; then
        remove_other_bases
        made=$(mktemp -d "$FLEET_BASE.XXXXXX")
        chmod 755 "$made"
        set_up_host "$made"
        mv -T -- "$made" "$FLEET_BASE"
        made=
    fi
    flock --shared 9
}
