# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: file_content
version_added: 0.1.0
short_description: Read files of any kind on the controller, for ConfigMaps and Secrets
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Reads files as P(ansible.builtin.file#lookup) does - found in C(files) of the role or playbook, decrypted if they are encrypted by
    ansible-vault - but takes any bytes, as C(kubectl create configmap --from-file) does.
options:
  _terms:
    description: Paths of the files.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
data: "{{ lookup('slipway.kubernetes.file_content', 'keystore.p12').base64 }}"
"""

RETURN = r"""
_value:
  description: The content of each file.
  type: list
  elements: dict
  contains:
    base64:
      description: The bytes in base64.
      type: str
    text:
      description: The bytes as a text. Only of a file that is one, in UTF-8 and without NUL.
      type: str
"""

import base64

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase


def content_of(data):
    found = {"base64": base64.b64encode(data).decode()}
    if b"\0" not in data:
        try:
            found["text"] = data.decode()
        except UnicodeDecodeError:
            pass
    return found


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        found = []
        for term in terms:
            path = self.find_file_in_search_path(variables, "files", str(term), ignore_missing=True)
            if not path:
                raise AnsibleLookupError("There is no file %s, in folders named files or beside the playbook" % term)
            # Latin-1 has a character for each byte: the loader decrypts bytes, but gives out texts alone.
            found.append(content_of(self._loader.get_text_file_contents(path, encoding="latin-1").encode("latin-1")))
        return found
