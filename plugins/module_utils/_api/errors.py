# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors that reach the user as one sentence.  PRIVATE to the collection."""

from __future__ import annotations


class TaskError(Exception):
    """Something the user has to know; str() is the sentence, C(result) what is known besides it."""

    def __init__(self, message, result=None):
        super().__init__(message)
        self.result = result or {}
