#!/bin/bash
# Where the Java runtime is. The stand-in needs none; the file is here because administrators
# change it and an upgrade has to carry their change over.
if [ -z "${JRE_HOME}" ]; then
    JRE_HOME=
fi
