// SPDX-License-Identifier: Apache-2.0
#include "relay/transform.hpp"

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "core/json_text.hpp"
#include "relay/envelope_fault.hpp"

namespace outbox::relay {
namespace {

std::string blocked_way(std::string_view path) {
  return fmt::format(
      "the payload has no room for the field {}: something on its path is no object: "
      "correct relay.transform or the payload",
      quoted(path));
}

}  // namespace

Transformation::Transformation(const std::vector<TransformStep>& steps) {
  for (const TransformStep& step : steps) {
    if (step.kind == TransformKind::topic) continue;
    Step made{.kind = step.kind, .fields = step.fields, .renamed = {}, .added = {}, .mask = {}};
    if (step.kind == TransformKind::rename) made.renamed = step.pairs;
    if (step.kind == TransformKind::mask) append_json_string(made.mask, step.text);
    if (step.kind == TransformKind::add) {
      for (const auto& [path, json] : step.pairs) {
        if (const auto fault = find_json_fault(json)) {
          throw Error(ErrorKind::configuration,
                      fmt::format("relay.transform: the value added as '{}' is no JSON: {}", path,
                                  describe(*fault)));
        }
        made.added.push_back({path, Template::of_json(trim_json(json))});
      }
    }
    steps_.push_back(std::move(made));
  }
}

std::optional<std::string> Transformation::apply(std::string_view payload,
                                                 const TemplateValues& values,
                                                 std::string& out) const {
  JsonDraft draft(payload);
  for (const Step& step : steps_) {
    switch (step.kind) {
      case TransformKind::pick:
        draft.pick(step.fields);
        break;
      case TransformKind::drop:
        draft.drop(step.fields);
        break;
      case TransformKind::mask:
        draft.replace(step.fields, step.mask);
        break;
      case TransformKind::rename: {
        std::string path;
        if (!draft.rename(step.renamed, path)) return blocked_way(path);
        break;
      }
      case TransformKind::add:
        for (const Added& added : step.added) {
          std::string json;
          added.value.append_to(json, values);
          if (!draft.add(added.path, draft.own(std::move(json)))) return blocked_way(added.path);
        }
        break;
      case TransformKind::topic:
        break;
    }
  }
  draft.write_to(out);
  return std::nullopt;
}

}  // namespace outbox::relay
