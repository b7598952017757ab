#!/bin/bash
# The home directory holds everything this node keeps: configuration, logs, caches and, below
# "shared", the data that all nodes of the cluster have in common.
#
# An environment variable BITBUCKET_HOME wins: the value below counts only where there is none.
# The directory must not lie inside the install directory.
if [ -z "${BITBUCKET_HOME}" ]; then
    BITBUCKET_HOME=
fi
export BITBUCKET_HOME
