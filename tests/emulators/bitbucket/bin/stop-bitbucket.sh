#!/bin/bash
# Stops the node gracefully and waits until its process is gone.
BITBUCKET_SCRIPT_AT=$EPOCHREALTIME

fail() {
    printf 'stop-bitbucket: %s\n' "$*" >&2
    exit 1
}

case ${BASH_SOURCE[0]} in
    */*) cd -P -- "${BASH_SOURCE[0]%/*}/.." || fail "cannot enter the install directory" ;;
    *) cd -P .. || fail "cannot enter the install directory" ;;
esac
INSTALL_DIR=$PWD

. "$INSTALL_DIR/bin/set-bitbucket-home.sh"
if [ -z "$BITBUCKET_HOME" ]; then
    fail "BITBUCKET_HOME is not set: set it in the environment or in bin/set-bitbucket-home.sh"
fi
case $BITBUCKET_HOME in
    /*) ;;
    *) BITBUCKET_HOME=$OLDPWD/$BITBUCKET_HOME ;;
esac

. "$INSTALL_DIR/bin/_stop-webapp.sh"
