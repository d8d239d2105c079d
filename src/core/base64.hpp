// SPDX-License-Identifier: Apache-2.0
//
// Base64 (RFC 4648), for bytes that stand in JSON.
#pragma once

#include <string>
#include <string_view>

namespace outbox {

/// Appends `bytes` in the standard alphabet, padded.
void append_base64(std::string& out, std::string_view bytes);

/// The bytes, up to the first character that belongs to neither the standard nor the URL alphabet.
[[nodiscard]] std::string decode_base64(std::string_view text);

}  // namespace outbox
