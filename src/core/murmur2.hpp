// SPDX-License-Identifier: Apache-2.0
//
// The partition of a key as Kafka's Java producer computes it, so that producers in any language
// and this relay put one key on one partition. The hash is MurmurHash2 by Austin Appleby (public
// domain) with Kafka's seed 0x9747b28c; the tests hold it against librdkafka's own.
#pragma once

#include <cstdint>
#include <string_view>

namespace outbox {

[[nodiscard]] constexpr std::uint32_t murmur2(std::string_view key) noexcept {
  constexpr std::uint32_t multiplier = 0x5bd1e995U;
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(key[i]));
  };
  std::uint32_t hash = 0x9747b28cU ^ static_cast<std::uint32_t>(key.size());
  std::size_t at = 0;
  for (; at + 4 <= key.size(); at += 4) {
    std::uint32_t word = byte(at) | byte(at + 1) << 8U | byte(at + 2) << 16U | byte(at + 3) << 24U;
    word *= multiplier;
    word ^= word >> 24U;
    word *= multiplier;
    hash = hash * multiplier ^ word;
  }
  const std::size_t rest = key.size() - at;
  if (rest > 0) {
    for (std::size_t i = rest; i-- > 0;)
      hash ^= byte(at + i) << (8U * i);
    hash *= multiplier;
  }
  hash ^= hash >> 13U;
  hash *= multiplier;
  return hash ^ hash >> 15U;
}

/// Of a key's murmur2; `partitions` must be positive.
[[nodiscard]] constexpr int partition_of(std::uint32_t key_hash, int partitions) noexcept {
  return static_cast<int>((key_hash & 0x7fffffffU) % static_cast<std::uint32_t>(partitions));
}

/// The same for the key itself.
[[nodiscard]] constexpr int partition_of(std::string_view key, int partitions) noexcept {
  return partition_of(murmur2(key), partitions);
}

}  // namespace outbox
