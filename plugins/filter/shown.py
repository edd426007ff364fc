# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: shown
version_added: 0.1.0
short_description: Hide what is secret in a text about objects
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Returns a text without the values of Secrets and whatever else looks like a secret, such as passwords in URLs, tokens and private
    keys. It is meant for what the API server says against objects, which may quote them.
positional: _input, objects
options:
  _input:
    description: The text.
    type: str
    required: true
  objects:
    description: Objects that the text is about. What is secret in them is hidden wherever the text has it.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
msg: "{{ ansible_failed_result.msg | slipway.kubernetes.shown(objects) }}"
"""

RETURN = r"""
_value:
  description: The text as it may be shown.
  type: str
"""

from ansible_collections.slipway.kubernetes.plugins.module_utils._api.shown import message
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.objects import plain


def shown(text, objects=()):
    return message(str(text), *plain(list(objects)))


class FilterModule:
    def filters(self):
        return {"shown": shown}
