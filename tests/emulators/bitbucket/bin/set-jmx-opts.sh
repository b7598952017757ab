#!/bin/bash
# Arguments that switch on remote monitoring of the Java process.
if [ -z "${JMX_OPTS}" ]; then
    JMX_OPTS=
fi
