# SPDX-License-Identifier: Apache-2.0
# What the packages are put through on a machine that is thrown away, whichever kind they are of: a
# configuration for one machine, and what is seen of the daemons. Sourced by tests/packages/try and
# try-rpm, which set `work`, a folder of their own.
# shellcheck shell=bash disable=SC2154

HOME_OF_BITBUCKET=/var/atlassian/application-data/bitbucket
passed=0 failed=0

check() {
    local what=$1
    shift
    if "$@" >"$work/said" 2>&1; then
        passed=$((passed + 1))
        printf 'ok      %s\n' "$what"
    else
        failed=$((failed + 1))
        printf 'FAILED  %s\n' "$what"
        tail -n 20 "$work/said"
    fi
}

# What a unit starts takes a moment.
soon() {
    local end=$((SECONDS + 20))
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}

is_gone() { [ ! -e "$1" ]; }
state_is() { [ "$(systemctl is-active "$1")" = "$2" ]; }
runs_as() { [ "$(ps -o user= -p "$(systemctl show -P MainPID "$1")")" = "$2" ]; }
has_watchdog() { [ "$(systemctl show -P WatchdogUSec "$1")" = 1min ]; }
agent_is_seen() { shunt nodes --json | grep -qE '"install_root": *"/opt/atlassian'; }
exposure() { systemd-analyze security --no-pager "$1" | sed -n 's/.*exposure level for .*: \([0-9.]*\).*/\1/p'; }
is_hardened() { awk "BEGIN { exit !($(exposure "$1") < $2) }"; }

write_configuration() {
    cat >/etc/shunt/shunt.yaml <<'END'
redis: embedded
clusters:
  - name: git
    base_url: http://127.0.0.1:18080
    credentials: {user: admin, password_file: /etc/shunt/git.password}
    nodes:
      - {name: bb1, url: "http://127.0.0.1:17990"}
      - {name: bb2, url: "http://127.0.0.1:17991"}
    load_balancers:
      - {name: edge, driver: haproxy, addresses: ["unix:/run/haproxy/admin.sock"],
         members: {bb1: [bb_http/n1], bb2: [bb_http/n2]}}
END
    printf 'secret\n' >/etc/shunt/git.password
    chown root:shunt /etc/shunt/shunt.yaml
    chown shunt /etc/shunt/git.password
    chmod 640 /etc/shunt/shunt.yaml
    chmod 600 /etc/shunt/git.password
}

# As the agent's process sees it, and with root's rights.
cannot_write_into_home() {
    local pid
    pid=$(systemctl show --property MainPID --value shunt-agent) && [ "$pid" -gt 0 ] &&
        nsenter --target "$pid" --mount test -d "$HOME_OF_BITBUCKET" &&
        ! nsenter --target "$pid" --mount touch "$HOME_OF_BITBUCKET/by-the-agent" &&
        [ ! -e "$HOME_OF_BITBUCKET/by-the-agent" ]
}

write_agent_configuration() {
    local keys=/var/lib/shunt/agents/git.bb1
    mkdir -p /opt/atlassian/bitbucket/7.9.0/bin "$HOME_OF_BITBUCKET/shared"
    ln -sfn 7.9.0 /opt/atlassian/bitbucket/current
    install -m 755 /bin/true /opt/atlassian/bitbucket/7.9.0/bin/start-bitbucket.sh
    cat >/etc/systemd/system/bitbucket.service <<END
[Service]
Environment=BITBUCKET_HOME=$HOME_OF_BITBUCKET
ExecStart=/opt/atlassian/bitbucket/current/bin/start-bitbucket.sh --no-search
END
    systemctl daemon-reload
    cat >/etc/shunt/agent.yaml <<END
cluster: git
node: bb1
key_file: $keys/node.key
redis:
  url: unix:///var/lib/shunt/redis/redis.sock
  user: agent.git.bb1
  password_file: $keys/redis.password
controllers_file: $keys/controllers
END
}

# From packages without a configuration to an agent that is seen.
check_daemons() {
    check 'the controller waits for a configuration' state_is shunt-controller inactive
    check 'the agent waits for a configuration' state_is shunt-agent inactive
    write_configuration
    check 'the configuration is good' shunt-controller --config /etc/shunt/shunt.yaml --check
    check 'the controller starts' systemctl start shunt-controller
    check 'it runs as its own user' runs_as shunt-controller shunt
    check 'it has a watchdog' has_watchdog shunt-controller
    check 'it leads and answers' soon shunt status
    check 'it is hardened' is_hardened shunt-controller 2
    write_agent_configuration
    check 'the agent finds what is installed' shunt-agent check
    check 'the agent starts' systemctl start shunt-agent
    check 'it has a watchdog, too' has_watchdog shunt-agent
    check 'the controller sees it' soon agent_is_seen
    check 'its home is read-only for it' cannot_write_into_home
    check 'and for nobody else' touch "$HOME_OF_BITBUCKET/written"
}

check_daemons_again() {
    check 'the controller runs again' soon state_is shunt-controller active
    check 'the agent runs again' soon state_is shunt-agent active
    check 'and is seen again' soon agent_is_seen
}

close() {
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}
