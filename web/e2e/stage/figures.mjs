// What was measured, printed as a table at the end.

const figures = [];

/** target: what it must be, in words; isFine: whether it is. */
export function figure(name, value, target, isFine) {
  figures.push({ name, value, target, isFine });
  return isFine;
}

export function printFigures() {
  if (figures.length === 0) return;
  const rows = [
    ['measured', 'value', 'target', ''],
    ...figures.map(({ name, value, target, isFine }) => [name, value, target, isFine ? 'met' : 'MISSED']),
  ];
  const widths = [0, 1, 2, 3].map((i) => Math.max(...rows.map((row) => row[i].length)));
  console.log();
  for (const [i, row] of rows.entries()) {
    console.log(`| ${row.map((cell, j) => cell.padEnd(widths[j])).join(' | ')} |`);
    if (i === 0) console.log(`|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`);
  }
  console.log();
}
