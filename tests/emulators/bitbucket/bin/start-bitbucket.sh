#!/bin/bash
# Starts the node and returns as soon as its pid file is there, which proves nothing about start-up.
#
# The clock is read before anything else: the lifecycle log has to show the whole outage, this
# script included. Nothing below starts a child process where bash can do without, because every
# millisecond spent here would count as downtime of the product.
BITBUCKET_SCRIPT_AT=${BITBUCKET_SCRIPT_AT:-$EPOCHREALTIME}

fail() {
    printf 'start-bitbucket: %s\n' "$*" >&2
    exit 1
}

FOREGROUND=no
SEARCH=true
for argument in "$@"; do
    case $argument in
        --no-search) SEARCH=false ;;
        -fg) FOREGROUND=yes ;;
        *) fail "unknown argument '$argument'; usage: start-bitbucket.sh [-fg] [--no-search]" ;;
    esac
done

# The physical path, so that a node keeps running from its own tree when a "current" link moves on.
case ${BASH_SOURCE[0]} in
    */*) cd -P -- "${BASH_SOURCE[0]%/*}/.." || fail "cannot enter the install directory" ;;
    *) cd -P .. || fail "cannot enter the install directory" ;;
esac
INSTALL_DIR=$PWD

. "$INSTALL_DIR/bin/set-bitbucket-home.sh"
. "$INSTALL_DIR/bin/set-bitbucket-user.sh"

if [ -z "$BITBUCKET_HOME" ]; then
    fail "BITBUCKET_HOME is not set: set it in the environment or in bin/set-bitbucket-home.sh"
fi
case $BITBUCKET_HOME in
    /*) ;;
    *) BITBUCKET_HOME=$OLDPWD/$BITBUCKET_HOME ;;
esac
case $BITBUCKET_HOME/ in
    "$INSTALL_DIR"/*) fail "BITBUCKET_HOME must not lie inside the install directory" ;;
esac
export BITBUCKET_HOME

if [ -n "$BITBUCKET_USER" ] && [ "$EUID" = 0 ] && [ "$BITBUCKET_USER" != root ]; then
    export BITBUCKET_SCRIPT_AT
    exec runuser -u "$BITBUCKET_USER" -- "$INSTALL_DIR/bin/start-bitbucket.sh" "$@"
fi

. "$INSTALL_DIR/bin/_start-webapp.sh"
