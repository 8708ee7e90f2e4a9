// Pictures of a result, as small SVG files: bars of CPU per message, lines of latency and of growth.
import { families } from "./cells.mjs";
import { quantile, summarize } from "./report.mjs";

const kColours = ["#0b6e4f", "#3fa34d", "#d1495b", "#edae49", "#30638e", "#7d5ba6", "#6c757d"];
const kFont = 'font-family="sans-serif" font-size="11"';
const kWidth = 860;
const kLeft = 64;

const escape = (text) => String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
const text = (x, y, content, more = "") => `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escape(content)}</text>`;
const label = (value) => (value === 0 ? "0" : value >= 1000 ? `${Number((value / 1000).toPrecision(3))}k` : `${Number(value.toPrecision(3))}`);

function svg(height, title, parts) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${kWidth} ${height}" ${kFont} fill="#222">
<rect width="${kWidth}" height="${height}" fill="#fff"/>
${text(12, 18, title, 'font-size="14" font-weight="bold"')}
${parts.join("\n")}
</svg>
`;
}

function legend(names, y, first = 0) {
  const step = Math.min(140, (kWidth - kLeft) / names.length);
  return names.map((name, i) => {
    const x = kLeft + i * step;
    return `<rect x="${x}" y="${y - 9}" width="10" height="10" fill="${kColours[(first + i) % kColours.length]}"/>${text(x + 14, y, name)}`;
  });
}

/** A tick at 1, 2 and 5 of each power of ten in [low, high]. */
export function ticks(low, high) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); ++power) {
    for (const digit of [1, 2, 5]) {
      const value = digit * 10 ** power;
      if (value >= low * 0.999 && value <= high * 1.001) found.push(Number(value.toPrecision(3)));
    }
  }
  return found;
}

/** groups: [{label, values: one per name, null where there is none}]; bars on a logarithmic axis. */
export function bars(title, names, groups) {
  const all = groups.flatMap((group) => group.values).filter((value) => value > 0);
  if (all.length === 0) return null;
  const low = Math.min(...all) / 2;
  const high = Math.max(...all);
  const bottom = 330;
  const top = 56;
  const y = (value) => bottom - ((Math.log(value) - Math.log(low)) / (Math.log(high) - Math.log(low))) * (bottom - top);
  const wide = (kWidth - kLeft - 12) / groups.length;
  const bar = Math.min((wide * 0.84) / names.length, 40);
  const parts = legend(names, 38);
  for (const tick of ticks(low, high)) {
    parts.push(`<line x1="${kLeft}" x2="${kWidth - 8}" y1="${y(tick).toFixed(1)}" y2="${y(tick).toFixed(1)}" stroke="#ddd"/>`);
    parts.push(text(kLeft - 6, y(tick) + 4, label(tick), 'text-anchor="end"'));
  }
  groups.forEach((group, g) => {
    const start = kLeft + g * wide + (wide - bar * names.length) / 2;
    group.values.forEach((value, i) => {
      if (!(value > 0)) return;
      const height = bottom - y(value);
      parts.push(
        `<rect x="${(start + i * bar).toFixed(1)}" y="${y(value).toFixed(1)}" width="${(bar * 0.92).toFixed(1)}" height="${height.toFixed(1)}" ` +
          `fill="${kColours[i % kColours.length]}"><title>${escape(`${group.label} ${names[i]}: ${label(value)}`)}</title></rect>`,
      );
    });
    parts.push(text(kLeft + (g + 0.5) * wide, bottom + 16, group.label, 'text-anchor="middle"'));
  });
  return svg(bottom + 30, title, parts);
}

/** series: [{name, points: [[x, y], ...]}]; both axes logarithmic; `xLabels` replaces the numbers below. */
export function lines(title, series, xLabels) {
  const drawn = series.map((one) => ({ ...one, points: one.points.filter(([x, y]) => x > 0 && y > 0) }));
  const points = drawn.flatMap((one) => one.points);
  if (points.length < 2) return null;
  const range = (at) => {
    const values = points.map((point) => point[at]);
    const low = Math.min(...values);
    const high = Math.max(...values);
    return low === high ? [low / 2, high * 2] : [low, high];
  };
  const [x0, x1] = range(0);
  const [y0, y1] = [range(1)[0] / 1.3, range(1)[1] * 1.3];
  const bottom = 330;
  const top = 56;
  const scale = (value, low, high) => (Math.log(value) - Math.log(low)) / (Math.log(high) - Math.log(low));
  const x = (value) => kLeft + scale(value, x0, x1) * (kWidth - kLeft - 24);
  const y = (value) => bottom - scale(value, y0, y1) * (bottom - top);
  const parts = legend(series.map((one) => one.name), 38);
  for (const tick of ticks(y0, y1)) {
    parts.push(`<line x1="${kLeft}" x2="${kWidth - 8}" y1="${y(tick).toFixed(1)}" y2="${y(tick).toFixed(1)}" stroke="#ddd"/>`);
    parts.push(text(kLeft - 6, y(tick) + 4, label(tick), 'text-anchor="end"'));
  }
  const below = xLabels ?? [...new Set(points.map((point) => point[0]))].map((value) => [value, label(value)]);
  for (const [value, name] of below) parts.push(text(x(value), bottom + 16, name, 'text-anchor="middle"'));
  drawn.forEach((one, i) => {
    const path = one.points.map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`).join(" ");
    const colour = kColours[i % kColours.length];
    parts.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    for (const [px, py] of one.points) parts.push(`<circle cx="${x(px).toFixed(1)}" cy="${y(py).toFixed(1)}" r="2.5" fill="${colour}"/>`);
  });
  return svg(bottom + 30, title, parts);
}

/** series: [{name, points: [[seconds, y], ...]}]; both axes linear, from 0. */
export function curves(title, series) {
  const points = series.flatMap((one) => one.points);
  if (points.length < 2) return null;
  const x1 = Math.max(...points.map(([px]) => px));
  const y1 = Math.max(...points.map(([, py]) => py)) * 1.05;
  const rows = Math.ceil(series.length / 6);
  const top = 38 + 18 * rows;
  const bottom = top + 290;
  const x = (value) => kLeft + (value / x1) * (kWidth - kLeft - 24);
  const y = (value) => bottom - (value / y1) * (bottom - top);
  const step = (most) => { const power = 10 ** Math.floor(Math.log10(most / 4)); return [1, 2, 5, 10].map((digit) => digit * power).find((size) => most / size <= 8); };
  const parts = Array.from({ length: rows }, (_, i) => legend(series.slice(6 * i, 6 * i + 6).map((one) => one.name), 38 + 18 * i, 6 * i)).flat();
  for (let tick = 0; tick <= y1; tick += step(y1)) {
    parts.push(`<line x1="${kLeft}" x2="${kWidth - 8}" y1="${y(tick).toFixed(1)}" y2="${y(tick).toFixed(1)}" stroke="#ddd"/>`);
    parts.push(text(kLeft - 6, y(tick) + 4, label(tick), 'text-anchor="end"'));
  }
  for (let tick = 0; tick <= x1; tick += step(x1)) parts.push(text(x(tick), bottom + 16, `${label(tick)} s`, 'text-anchor="middle"'));
  series.forEach((one, i) => {
    const path = one.points.map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`).join(" ");
    parts.push(`<polyline points="${path}" fill="none" stroke="${kColours[i % kColours.length]}" stroke-width="1.5"${i >= kColours.length ? ' stroke-dasharray="5 3"' : ""}/>`);
  });
  return svg(bottom + 30, title, parts);
}

// Percentiles spread so that each further nine takes the same room.
const kQuantiles = [0.5, 0.9, 0.99, 0.999, 0.9999];

function latency(report, cell) {
  const byServer = report.histograms?.[cell.id];
  if (!byServer) return null;
  const series = Object.entries(byServer).map(([name, histogram]) => ({
    name, points: kQuantiles.map((q) => [1 / (1 - q), quantile(histogram, q)]),
  }));
  return lines(`${cell.id}: latency in µs, ${cell.title}`, series, kQuantiles.map((q) => [1 / (1 - q), `p${Number((q * 100).toFixed(2))}`]));
}

function growth(report, family, cells) {
  const members = family.cells.map((id) => cells.find((cell) => cell.id === id));
  const names = report.servers.map((server) => server.name);
  const series = names.map((name) => ({
    name,
    points: members.flatMap((cell) => {
      const one = summarize(report, cell, name);
      return one ? [[cell.x, one.value]] : [];
    }),
  }));
  return lines(`${family.id}: ${family.title}, µs`, series.filter((one) => one.points.length > 0));
}

/** {short name: SVG} of everything that the report has numbers for. */
export function plots(report, cells) {
  const names = report.servers.filter((server) => !server.missing).map((server) => server.name);
  const groupsOf = (chosen) =>
    chosen.map((cell) => ({ label: cell.id, values: names.map((name) => summarize(report, cell, name)?.value ?? null) }))
      .filter((group) => group.values.some((value) => value > 0));
  const plain = cells.filter((cell) => !cell.what && !cell.x);
  const found = {
    cpu: bars("CPU µs of the server per delivery, closed loop (logarithmic)", names, groupsOf(plain.filter((cell) => !cell.of))),
    rate: bars("CPU µs of the server per delivery, one rate for all (logarithmic)", names, groupsOf(plain.filter((cell) => cell.of))),
    memory: bars("Resident bytes per connection (logarithmic)", names, groupsOf(cells.filter((cell) => cell.what === "rss_per_client"))),
  };
  for (const cell of cells.filter((one) => one.what === "p99_us")) found[`latency-${cell.id}`] = latency(report, cell);
  for (const family of families) found[`growth-${family.id}`] = growth(report, family, cells);
  return Object.fromEntries(Object.entries(found).filter(([, picture]) => picture));
}
