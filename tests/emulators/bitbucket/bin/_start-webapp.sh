#!/bin/bash
# Starts the web application. Sourced by start-bitbucket.sh, which has found INSTALL_DIR and
# BITBUCKET_HOME. The variables at the top are the ones administrators change; the environment wins.

umask 0027

if [ -z "${JVM_MINIMUM_MEMORY}" ]; then
    JVM_MINIMUM_MEMORY=512m
fi

if [ -z "${JVM_MAXIMUM_MEMORY}" ]; then
    JVM_MAXIMUM_MEMORY=1g
fi

# Extra arguments, for instance -Dcluster.node.name=node1
if [ -z "${JVM_SUPPORT_RECOMMENDED_ARGS}" ]; then
    JVM_SUPPORT_RECOMMENDED_ARGS=
fi

. "$INSTALL_DIR/bin/set-jre-home.sh"
. "$INSTALL_DIR/bin/set-jmx-opts.sh"

LOG_DIR=$BITBUCKET_HOME/log
PID_FILE=$LOG_DIR/bitbucket.pid
[ -d "$LOG_DIR" ] || mkdir -p -- "$LOG_DIR" || fail "cannot make $LOG_DIR"

# A pid file may outlive its process and its number be given to a stranger, so the command line
# decides. Between fork and exec that is still this script's.
if [ -s "$PID_FILE" ] && read -r pid <"$PID_FILE" && [ -r "/proc/$pid/cmdline" ]; then
    mapfile -d '' -t words <"/proc/$pid/cmdline"
    case " ${words[*]} " in
        *" -Dbitbucket.home=$BITBUCKET_HOME "* | *start-bitbucket.sh*)
            fail "Bitbucket is running already, as process $pid" ;;
    esac
fi

MAVEN_DIR=$INSTALL_DIR/app/META-INF/maven/com.atlassian.bitbucket.server
while IFS='=' read -r key value; do
    [ "$key" = version ] && VERSION=$value
done <"$MAVEN_DIR/bitbucket-webapp/pom.properties"

# EPOCHREALTIME has microseconds and the locale's decimal point.
BEGIN_NS=${BITBUCKET_SCRIPT_AT/[.,]/}000
printf '{"at_ns": %s, "event": "start-script", "version": "%s", "pid": %d, "search": %s}\n' \
    "$BEGIN_NS" "$VERSION" "$$" "$SEARCH" >>"$LOG_DIR/lifecycle.log" \
    || fail "cannot write to $LOG_DIR"
unset BITBUCKET_SCRIPT_AT

# -B: a node never writes into its install directory, not even compiled code.
# Word splitting of the two argument variables is meant: each holds several arguments.
# shellcheck disable=SC2206
COMMAND=(/usr/bin/python3 -I -S -B "$INSTALL_DIR/app/WEB-INF/classes/standin"
    "-Xms$JVM_MINIMUM_MEMORY" "-Xmx$JVM_MAXIMUM_MEMORY" $JMX_OPTS $JVM_SUPPORT_RECOMMENDED_ARGS
    "-Dbitbucket.home=$BITBUCKET_HOME" "-Dbitbucket.install=$INSTALL_DIR"
    "-Dstandin.begin-ns=$BEGIN_NS")

if [ "$FOREGROUND" = yes ]; then
    printf '%s\n' "$$" >"$PID_FILE"
    exec "${COMMAND[@]}"
fi

setsid "${COMMAND[@]}" </dev/null >>"$LOG_DIR/launcher.log" 2>&1 &
printf '%s\n' "$!" >"$PID_FILE"
printf 'Bitbucket %s is starting as process %s\n' "$VERSION" "$!"
