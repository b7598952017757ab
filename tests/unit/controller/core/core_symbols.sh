#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# core_symbols.sh NM LIBSHUNT_CORE LIBSHUNT_BASE [SANITIZER]
#
# The core decides and does nothing else: its archive needs no symbol but its own, common/base's,
# and what a compiler emits by itself. A call of time() or malloc() would show up here. SANITIZER:
# the build's, empty without one; only then may the core need its runtime.
set -u -o pipefail
export LC_ALL=C

if [ $# -lt 3 ]; then
    echo "usage: ${0##*/} NM LIBSHUNT_CORE LIBSHUNT_BASE [SANITIZER]" >&2
    exit 2
fi
nm=$1 core=$2 base=$3 sanitizer=${4:-}

# bcmp: clang's name for a memcmp() of which only equality counts.
emitted='memcpy|memset|memmove|memcmp|bcmp|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_'
runtime='__(asan|tsan|ubsan|msan|lsan|sanitizer|sancov|start___sancov|stop___sancov)_.*'
allowed=$emitted
[ -z "$sanitizer" ] || allowed="$emitted|$runtime"

# symbols ARCHIVE-OR-OPTION…
symbols() {
    "$nm" --format=posix "$@" | awk 'NF > 1 {print $1}' | sort -u
}

if ! needed=$(symbols --undefined-only "$core") ||
    ! defined=$(symbols --defined-only --extern-only "$core" "$base"); then
    echo "$nm cannot read $core and $base" >&2
    exit 1
fi
if ! grep -qx upgrade_step <<<"$defined" || ! grep -qx check_failed <<<"$defined"; then
    echo "$core and $base do not look like the core and what it may use" >&2
    exit 1
fi
foreign=$(comm -23 <(echo "$needed") <(echo "$defined") | grep -Evx "$allowed")
if [ -n "$foreign" ]; then
    echo "controller/core must not need:"
    for symbol in $foreign; do
        "$nm" --undefined-only --print-file-name "$core" | grep -E " $symbol\$"
    done
    exit 1
fi
