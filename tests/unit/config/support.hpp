// SPDX-License-Identifier: Apache-2.0
//
// A configuration out of texts, in a folder of the test's own.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <outbox/error.hpp>

#include "config/settings.hpp"

namespace outbox::config::testing {

/// A folder that goes with the object.
class Folder {
 public:
  Folder() {
    std::string name = ::testing::TempDir() + "/outbox-config-XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

  /// Writes a file and returns its path.
  std::string write(std::string_view name, std::string_view text) const {
    std::string file = path_ + "/" + std::string(name);
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }

 private:
  std::string path_;
};

/// What a test gives; empty texts are files that are not there.
struct Given {
  std::vector<std::pair<std::string, std::string>> flags = {};
  std::map<std::string, std::string> environment = {};
  std::string env_file = {};
  std::string yaml = {};
  std::string command = {};
};

inline Settings load_given(const Given& given) {
  const Folder folder;
  if (!given.env_file.empty()) folder.write(".env", given.env_file);
  if (!given.yaml.empty()) folder.write("outboxd.yaml", given.yaml);
  return load({given.command, given.flags, given.environment, folder.path()});
}

/// What a configuration is refused with; empty where it is taken.
inline std::string refusal(const Given& given) {
  try {
    static_cast<void>(load_given(given));
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

inline std::string text_of(const Settings& settings, std::string_view name) {
  for (const EffectiveValue& value : settings.effective()) {
    if (value.name == name) return value.text;
  }
  return "no such setting";
}

/// Every message is one line with a remedy: the kind of reader who sees it has a service that is
/// down.
inline void expect_good_message(const std::string& message) {
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  EXPECT_NE(message.find(": "), std::string::npos) << message;
}

}  // namespace outbox::config::testing
