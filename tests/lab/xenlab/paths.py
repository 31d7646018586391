# SPDX-License-Identifier: Apache-2.0
"""Where things are. Only BUILD and CACHE are ever written."""

import os
from pathlib import Path

LAB = Path(__file__).resolve().parent.parent
REPO = LAB.parent.parent
PATCHES = REPO / "xen-patches"

BUILD = REPO / "build" / "lab"
HOSTS = BUILD / "hosts"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xen-stats-exporter"
