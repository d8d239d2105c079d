# SPDX-License-Identifier: Apache-2.0
"""The servers that tools/services starts: one module each, and what they share."""
