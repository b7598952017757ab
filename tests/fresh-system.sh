#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# sudo tests/fresh-system.sh [--uncommitted] COMMAND [ARGUMENT…]
#
# Boots a fresh Debian 12 that has git, sudo and nothing else in a container, clones this
# repository there, and runs the command in the clone as an ordinary user who may use sudo:
#
#     sudo tests/fresh-system.sh sudo deploy/demo.sh
#
# --uncommitted takes the files of this checkout as they are instead of the last commit. The exit
# status is the command's. The container shares the network of this machine, and uses its Debian
# mirror and proxies; root may make networks there as on a machine of its own, and could change the
# one that is shared. The base system is kept in /var/tmp for the next time.
set -eu -o pipefail

top=$(cd -P -- "$(dirname -- "$0")/.." && pwd)
. "$top/tests/lib/packages.sh"
. "$top/tests/lib/base-system.sh"

USER_NAME=tester
CLONE=/home/$USER_NAME/shunt
OUTPUT=/var/log/fresh-command.log

# npm asks where this machine's npm does.
copy_npm_settings() {
    local root=$1 registry authorities home
    command -v npm >/dev/null || return 0
    registry=$(npm config get registry 2>/dev/null)
    authorities=$(npm config get cafile 2>/dev/null)
    for home in "$root/root" "$root/home/$USER_NAME"; do
        printf 'registry=%s\n' "$registry" >"$home/.npmrc"
        [ ! -e "$authorities" ] || printf 'cafile=%s\n' "$authorities" >>"$home/.npmrc"
    done
}

add_user() {
    printf 'fresh\n' >"$1/etc/hostname"
    printf '127.0.0.1 localhost\n127.0.1.1 fresh\n' >"$1/etc/hosts"
    chroot "$1" useradd --create-home --shell /bin/bash "$USER_NAME"
    printf '%s ALL=(ALL) NOPASSWD: ALL\n' "$USER_NAME" >"$1/etc/sudoers.d/$USER_NAME"
}

add_clone() {
    local root=$1 target=$1$CLONE
    git -c safe.directory='*' clone --quiet --no-hardlinks "$top" "$target"
    if [ "$uncommitted" = yes ]; then
        find "$target" -mindepth 1 -maxdepth 1 ! -name .git -exec rm -rf -- {} +
        git -c safe.directory='*' -C "$top" ls-files -z --cached --others --exclude-standard |
            while IFS= read -r -d '' file; do
                [ ! -e "$top/$file" ] || printf '%s\0' "$file"
            done | tar -C "$top" --null -T - -cf - | tar -C "$target" -xf -
    fi
    chroot "$root" chown -R "$USER_NAME:" "$CLONE"
}

# No device appears by itself in a container.
LOOP_DEVICES='#!/bin/sh
mknod /dev/loop-control c 10 237
for number in $(seq 0 31); do mknod "/dev/loop$number" b 7 "$number"; done'

# The command is a unit: when it ends, the system ends with its status.
add_command() {
    local root=$1 name
    shift
    {
        printf '#!/bin/bash\ncd %q || exit 1\n' "$CLONE"
        for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
            [ -z "${!name:-}" ] || printf 'export %s=%q\n' "$name" "${!name}"
        done
        printf 'exec'
        printf ' %q' "$@"
        printf '\n'
    } >"$root/usr/local/bin/fresh-command"
    printf '%s\n' "$LOOP_DEVICES" >"$root/usr/local/bin/make-loop-devices"
    chmod 755 "$root/usr/local/bin/fresh-command" "$root/usr/local/bin/make-loop-devices"
    cat >"$root/etc/systemd/system/fresh-command.service" <<END
[Unit]
After=multi-user.target
SuccessAction=exit
FailureAction=exit

[Service]
Type=exec
User=$USER_NAME
ExecStartPre=+/usr/local/bin/make-loop-devices
ExecStart=/usr/local/bin/fresh-command
StandardInput=null
StandardOutput=append:$OUTPUT
StandardError=inherit

[Install]
WantedBy=default.target
END
    chroot "$root" systemctl --quiet enable fresh-command.service
}

# The container's console is no use to a command, so its output goes through a file.
boot() {
    local work=$1 nspawn status=0
    : >"$work/root$OUTPUT"
    systemd-nspawn --quiet --boot --directory "$work/root" --machine "fresh-$$" --register=no \
        --keep-unit --console=pipe --resolv-conf=copy-host --capability=CAP_NET_ADMIN \
        systemd.show_status=no systemd.log_level=err </dev/null >"$work/console" 2>&1 &
    nspawn=$!
    trap 'kill -TERM "$nspawn"; wait "$nspawn"; exit 130' INT TERM HUP
    tail --pid="$nspawn" -n +1 -f "$work/root$OUTPUT"
    wait "$nspawn" || status=$?
    [ -s "$work/root$OUTPUT" ] || cat "$work/console" >&2
    return "$status"
}

usage() {
    printf 'usage: sudo tests/fresh-system.sh [--uncommitted] COMMAND [ARGUMENT…]\n' >&2
    exit 2
}

uncommitted=no
if [ "${1:-}" = --uncommitted ]; then
    uncommitted=yes
    shift
fi
if [ $# -eq 0 ] || [ "$EUID" -ne 0 ]; then usage; fi
install_packages debootstrap systemd-container git
work=$(mktemp -d /var/tmp/shunt-fresh.XXXXXX)
trap 'rm -rf --one-file-system -- "$work"' EXIT
mkdir "$work/root"
chmod 755 "$work" "$work/root"
unpack_base "$work/root"
add_user "$work/root"
copy_npm_settings "$work/root"
add_clone "$work/root"
add_command "$work/root" "$@"
boot "$work"
