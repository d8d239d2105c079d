// SPDX-License-Identifier: Apache-2.0
//
// Runs a target over the files of its corpus: REPLAY FOLDER. Fails where the folder is empty.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "fuzz.hpp"

int main(int count, char** words) {
  if (count != 2) {
    std::fprintf(stderr, "a folder is needed\n");
    return 2;
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(words[1]))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    std::ifstream stream(file, std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(stream), {}};
    std::fprintf(stderr, "%s\n", file.c_str());
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()),  // NOLINT
                           bytes.size());
  }
  std::printf("%zu inputs were taken\n", files.size());
  return files.empty() ? 1 : 0;
}
