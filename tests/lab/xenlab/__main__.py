# SPDX-License-Identifier: Apache-2.0
import sys

from xenlab.cli import main

sys.exit(main())
