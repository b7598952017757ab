#!/bin/bash
# The account the node runs as. Left empty, it is the account that calls the start script.
# It takes effect only where root calls the script.
if [ -z "${BITBUCKET_USER}" ]; then
    BITBUCKET_USER=
fi
