# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""States of a role: variables that it accepts, and the objects that it renders of them.

A state has values for some of the variables that variants/ROLE.yml has any for, each from one of the variants.
"""

from __future__ import annotations

import contextlib
import json
import random
import sys

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template

from .rendering import DOCUMENTS, collections_path, compile_once, options, role_variables, variants

#: What a release is known by; with another one it is another release.
IDENTITY = ("name", "namespace", "state")
#: What would hold up other tests on the cluster: an API and webhooks of which nothing answers.
FIXED = {
    "metrics_server": {"metrics_server_api_service": False},
    "metallb": {"metallb_webhook": False},
    "ingress_nginx": {"ingress_nginx_accept_retired": True, "ingress_nginx_admission_failure_policy": "Ignore", "ingress_nginx_admission_timeout": 1},
}
#: Variables of a state, at most; and how often one that fits is looked for.
MOST, TRIES = 12, 50


class Role:
    def __init__(self, name, namespace="shop"):
        compile_once()
        init_plugin_loader([str(collections_path())])
        self.name, loader = name, DataLoader()
        self.own = role_variables(name, loader)
        self.own["rendered_templates"] = trust_as_template(f"{{{{ __{name}_templates | map('regex_replace', '^', role_path ~ '/templates/') }}}}")
        self.templar = Templar(loader, {})
        self.defaults = options(name)
        self.values = {}
        for variant in variants(name).values():
            for key, value in variant.items():
                if key.removeprefix(f"{name}_") not in IDENTITY and key in self.defaults and value not in self.values.setdefault(key, []):
                    self.values[key].append(value)
        # Those without which the role does nothing.
        self.place = {f"{name}_{part}": value for part, value in (("name", "shop"), ("namespace", namespace)) if f"{name}_{part}" in self.defaults}
        self.needed = {key: value for key, value in next(iter(variants(name).values())).items() if key.removeprefix(f"{name}_") not in IDENTITY}
        # Not before the loader knows where collections are.
        from ansible_collections.slipway.kubernetes.plugins.plugin_utils._certificate import webhook_certificate

        # The variants' is none that an API server would take.
        certificate = webhook_certificate({}, ["shop.example.com"], 365)
        self.internal = {key: certificate for variant in variants(name).values() for key in variant if key.endswith("_certificate") and key[:2] == "__"}

    def value(self, expression, variables):
        self.templar.available_variables = {**self.own, **self.internal, **variables}
        return self.templar.template(trust_as_template(expression))

    def documents(self, variables):
        """What the role renders of these variables; None where it refuses them."""
        variables = {**variables, **self.place}
        with contextlib.suppress(AnsibleError):
            given = {key: self.value(f"{{{{ {key} }}}}", variables) for key in self.defaults if key in {**self.own, **variables}}
            if ArgumentSpecValidator(self.defaults).validate(given).error_messages:
                return None
            if self.value(f"{{{{ __{self.name}_problems }}}}", variables):
                return None
            return self.value(DOCUMENTS, variables)
        return None

    def state(self, chosen):
        """A state by chance."""
        for _try in range(TRIES):
            names = chosen.sample(sorted(self.values), chosen.randint(0, min(MOST, len(self.values))))
            variables = {**self.needed, **{name: chosen.choice(self.values[name]) for name in names}, **FIXED.get(self.name, {})}
            documents = self.documents(variables)
            if documents:
                return {"variables": variables, "documents": documents}
        raise LookupError(f"of {TRIES} states by chance, role {self.name} accepts none")


if __name__ == "__main__":
    role, chosen = Role(sys.argv[1], sys.argv[2]), random.Random(sys.argv[3])
    print(json.dumps([role.state(chosen) for _number in range(int(sys.argv[4]))]))
