#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# failpoint_strings.sh OBJECT ARCHIVE: the object was compiled as in a build without tests, and
# knows no failpoint; the archive of a build with tests does, so that the look is worth something.
set -u
! grep -q -e SHUNT_FAILPOINT -e lb-before-change "$1" || { echo "$1 knows failpoints"; exit 1; }
grep -q lb-before-change "$2" || { echo "$2 has none"; exit 1; }
