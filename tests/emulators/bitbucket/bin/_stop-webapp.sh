#!/bin/bash
# Stops the web application. Sourced by stop-bitbucket.sh, which has found BITBUCKET_HOME.

# How long to wait for the process; the product's own grace for requests in flight is 30 s.
if [ -z "${BITBUCKET_STOP_WAIT_S}" ]; then
    BITBUCKET_STOP_WAIT_S=60
fi

LOG_DIR=$BITBUCKET_HOME/log
PID_FILE=$LOG_DIR/bitbucket.pid
KEEP_PID_FILE=$BITBUCKET_HOME/tmp/keep-pid-file

if [ ! -s "$PID_FILE" ] || ! read -r pid <"$PID_FILE"; then
    printf 'Bitbucket is not running: there is no pid file\n'
    exit 0
fi

# Only ever signal what is a node of this home: the number may have gone to a stranger since.
is_our_process() {
    local words
    [ -r "/proc/$pid/cmdline" ] || return 1
    mapfile -d '' -t words 2>/dev/null <"/proc/$pid/cmdline"
    case " ${words[*]} " in
        *" -Dbitbucket.home=$BITBUCKET_HOME "* | *start-bitbucket.sh*) return 0 ;;
    esac
    return 1
}

if ! is_our_process; then
    printf 'Bitbucket is not running: process %s of the pid file is gone\n' "$pid"
    rm -f -- "$PID_FILE"
    exit 0
fi

MAVEN_DIR=$INSTALL_DIR/app/META-INF/maven/com.atlassian.bitbucket.server
while IFS='=' read -r key value; do
    [ "$key" = version ] && VERSION=$value
done <"$MAVEN_DIR/bitbucket-webapp/pom.properties"
printf '{"at_ns": %s, "event": "stop-script", "version": "%s", "pid": %d}\n' \
    "${BITBUCKET_SCRIPT_AT/[.,]/}000" "$VERSION" "$$" >>"$LOG_DIR/lifecycle.log"

# The node holds a lock on this file for as long as it lives, so waiting for the lock ends with
# the process and not up to a polling interval later. Opened first: the node removes the name.
{ exec {lock}<"$BITBUCKET_HOME/.lock"; } 2>/dev/null || lock=
kill -TERM "$pid" 2>/dev/null
if [ -n "$lock" ] && ! flock -w "$BITBUCKET_STOP_WAIT_S" "$lock"; then
    fail "process $pid did not end within $BITBUCKET_STOP_WAIT_S s"
fi

# The kernel drops the lock a moment before the process is gone. Without a lock (a node stopped
# before it took it) this loop does all the waiting. The read from a pipe nobody writes to sleeps
# 10 ms without a child process.
deadline=$((SECONDS + BITBUCKET_STOP_WAIT_S))
while is_our_process; do
    [ -n "${never:-}" ] || exec {never}<> <(:)
    [ "$SECONDS" -lt "$deadline" ] || fail "process $pid did not end"
    read -r -t 0.01 -u "$never"
done

[ -e "$KEEP_PID_FILE" ] || rm -f -- "$PID_FILE"
printf 'Bitbucket has been stopped\n'
printf '{"at_ns": %s, "event": "stop-script-done", "version": "%s", "pid": %d}\n' \
    "${EPOCHREALTIME/[.,]/}000" "$VERSION" "$$" >>"$LOG_DIR/lifecycle.log"
