"""The stages. One that runs as a program (`python -m synthnotes.stages.x`) puts itself, and all it starts, under guard.

Before that, it sees to it that it runs the code of the folder that it works in (`own_code`).
That comes here, before anything else is imported, since a namespace cannot be entered once there are threads. A test
that imports a stage stays as it is.
"""

import sys
from multiprocessing import parent_process

from synthnotes.machinery import network_isolation, own_code

if sys.argv[:1] == ["-m"]:
    own_code.insist()
    network_isolation.isolate()
if sys.argv[:1] == ["-m"] or parent_process() is not None:
    from synthnotes.machinery import redaction  # and with it pandas, which starts threads

    redaction.install()
