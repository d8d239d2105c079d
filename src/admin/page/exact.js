// SPDX-License-Identifier: Apache-2.0
// JSON whose numbers come back as they were written: JavaScript would turn 9007199254740993 into
// another number and 12.50 into 12.5, and an edited payload must change where it was edited only.
// A browser without JSON.rawJSON reads plain JSON.

export const can_be_exact = typeof JSON.rawJSON === "function";

export function parse_exactly(text) {
  if (!can_be_exact) return JSON.parse(text);
  return JSON.parse(text, (_, value, context) =>
    typeof value === "number" && context?.source !== undefined && context.source !== String(value)
      ? JSON.rawJSON(context.source) : value);
}
