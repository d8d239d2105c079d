# SPDX-License-Identifier: Apache-2.0
"""What bench/relay measures with and reports by."""
