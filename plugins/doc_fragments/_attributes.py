# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:

    # what all modules of the collection have in common
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and return the change it would make, as the API server's dry run predicts it.
  diff_mode:
    description: Returns details on what has changed (or would change in check mode) when in diff mode.
  action_group:
    description: Use C(group/slipway.kubernetes.kubernetes) in C(module_defaults) to set the connection options once.
    support: full
    membership:
      - slipway.kubernetes.kubernetes
requirements:
  - python >= 3.11 where the task runs
  - kubernetes >= 31.0.0
  - urllib3 >= 2.0.7
  - websocket-client >= 1.6.0
  - kubernetes.core >= 6.3.0
"""

    WRITES = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - Who may read a workload but not patch it gets a prediction that the API server has not tried out, and a warning.
  diff_mode:
    support: full
    details:
      - The difference is that of the pod template, C(spec.paused) and the change-cause. What is secret is hidden in it, such
        as literal values of environment variables whose names speak of secrets; that a value is another one is seen.
"""

    READS = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - This module never changes anything.
  diff_mode:
    support: N/A
"""
