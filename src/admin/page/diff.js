// SPDX-License-Identifier: Apache-2.0
// What an edit changes, line by line.

const lines_most = 400;

/// [{kind: same | gone | new, text}]; null where the texts are too long to compare here.
export function diff_lines(before, after) {
  const old_lines = before.split("\n"), new_lines = after.split("\n");
  if (old_lines.length > lines_most || new_lines.length > lines_most) return null;
  const common = longest(old_lines, new_lines);
  const found = [];
  let i = 0, j = 0;
  while (i < old_lines.length || j < new_lines.length) {
    if (i < old_lines.length && j < new_lines.length && old_lines[i] === new_lines[j]) {
      found.push({kind: "same", text: old_lines[i++]});
      ++j;
    } else if (j === new_lines.length ||
               (i < old_lines.length && common[i + 1][j] >= common[i][j + 1])) {
      found.push({kind: "gone", text: old_lines[i++]});
    } else {
      found.push({kind: "new", text: new_lines[j++]});
    }
  }
  return found;
}

function longest(one, other) {
  const common = Array.from({length: one.length + 1}, () => new Uint16Array(other.length + 1));
  for (let i = one.length - 1; i >= 0; --i) {
    for (let j = other.length - 1; j >= 0; --j) {
      common[i][j] = one[i] === other[j] ? common[i + 1][j + 1] + 1
                                         : Math.max(common[i + 1][j], common[i][j + 1]);
    }
  }
  return common;
}
