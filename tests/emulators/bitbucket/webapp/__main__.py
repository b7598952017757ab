# SPDX-License-Identifier: Apache-2.0
"""The stand-in's server program; the start script of a release runs this folder."""

import asyncio
import os
import sys
import traceback

from logs import Logs
from node import Node
from settings import Settings


def main():
    settings = Settings.from_arguments(sys.argv[1:])
    # Never keep the caller's directory busy: it may be a tree or a mount that is to go away.
    os.chdir(settings.home)
    logs = Logs(settings)
    logs.lifecycle("starting")
    try:
        # Children are waited for by pidfd: the default starts a thread for each of them.
        asyncio.get_event_loop_policy().set_child_watcher(asyncio.PidfdChildWatcher())
        asyncio.run(Node(settings, logs).run())
    except Exception as error:
        traceback.print_exc()
        logs.product("ERROR", f"Bitbucket cannot go on: {error}")
        logs.lifecycle("error")
        os._exit(1)
    logs.product("INFO", f"Bitbucket {settings.version} has shut down")
    sys.stdout.flush()
    logs.lifecycle("stopped")
    # Nothing may come between the last line and the end, not even the interpreter's clean-up.
    os._exit(0)


main()
