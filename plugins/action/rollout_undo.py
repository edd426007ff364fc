# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.slipway.kubernetes.plugins.plugin_utils._rollout_action import RolloutAction


class ActionModule(RolloutAction):
    module_name = "rollout_undo"
