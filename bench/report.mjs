// The tables of a result file.
import { families } from "./cells.mjs";

// As in bench/load/options.hpp.
const kBottleneck = 0.9;
const kKeptUp = 0.98;
// What ours on epoll may cost against µWebSockets where ours on io_uring must cost no more than it.
const kEpollAgainstUws = 1.1;

/** The result, or an exception where the server delivered nothing: its numbers say nothing then. */
export function delivered(result) {
  if (result.operations === 0 && result.scenario !== "idle") throw new Error("nothing was delivered");
  return result;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** {cell: {server: [[upper µs, count], ...]}}: all rounds together. */
export function mergeHistograms(results) {
  const merged = {};
  for (const { cell, server, histogram } of results) {
    if (!histogram || histogram.length === 0) continue;
    const all = ((merged[cell] ??= {})[server] ??= new Map());
    for (const [micros, count] of histogram) all.set(micros, (all.get(micros) ?? 0) + count);
  }
  for (const byServer of Object.values(merged)) {
    for (const [server, all] of Object.entries(byServer)) byServer[server] = [...all].sort((a, b) => a[0] - b[0]);
  }
  return merged;
}

/** The value below which the part `q` of a histogram lies; µs. */
export function quantile(histogram, q) {
  const total = histogram.reduce((sum, [, count]) => sum + count, 0);
  let seen = 0;
  for (const [micros, count] of histogram) {
    seen += count;
    if (seen > q * total) return micros;
  }
  return histogram.at(-1)?.[0] ?? 0;
}

/** Medians over the rounds of one cell and server, or null. */
export function summarize(report, cell, server) {
  const found = report.results.filter((r) => r.cell === cell.id && r.server === server);
  if (found.length === 0) return null;
  const of = (key) => median(found.map((r) => r[key] ?? 0));
  const values = found.map((r) => r[cell.what ?? "cpu_us"]);
  const value = median(values);
  return {
    value, spread: value === 0 ? 0 : (Math.max(...values) - Math.min(...values)) / value, cpu: of("cpu_us"),
    own: of("own_cpu_us"), perSecond: of("per_second"), serverCpu: of("server_cpu"), ownCpu: of("own_cpu"),
    p50: of("p50_us"), p90: of("p90_us"), p99: of("p99_us"), p999: of("p999_us"), max: of("max_us"), rate: of("rate"),
    bottleneck: median(found.map((r) => Number(r.bottleneck ?? false))) > 0.5, behind: of("per_second") < of("offered_per_second") * kKeptUp,
  };
}

/** What ours/peer must not exceed on this backend; undefined: nothing is asked. */
export function limitFor(cell, ours, peer) {
  const limit = cell.limits?.[peer];
  if (ours.backend !== "epoll") return limit;
  return peer === "uws" && limit <= 1 ? kEpollAgainstUws : undefined;
}

/** Every requirement that this report can judge: {cell, text, ratio, limit, passed}. */
export function verdicts(report, cells) {
  const found = [];
  // 0 is no measurement: nothing costs nothing.
  const judge = (cell, text, ratio, limit) => found.push({ cell, text, ratio, limit, passed: ratio > 0 && ratio <= limit });
  const ours = report.servers.filter((server) => server.ours);
  for (const cell of cells) {
    for (const server of ours) {
      const mine = summarize(report, cell, server.name);
      if (!mine) continue;
      for (const peer of report.servers.filter((one) => !one.ours)) {
        const limit = limitFor(cell, server, peer.name);
        const theirs = limit === undefined ? null : summarize(report, cell, peer.name);
        if (theirs && theirs.value > 0) judge(cell.id, `${server.name}/${peer.name}`, mine.value / theirs.value, limit);
      }
      if (cell.most !== undefined) judge(cell.id, `${server.name}, ${cell.what}`, mine.value, cell.most);
    }
  }
  for (const family of families) {
    for (const server of ours) {
      const members = family.cells.map((id) => summarize(report, cells.find((cell) => cell.id === id), server.name));
      const values = members.filter(Boolean).map((one) => one.value);
      if (values.length < 2 || !members[0]) continue;
      judge(family.id, `${server.name}: ${family.title} (largest / first)`, Math.max(...values) / values[0], family.limit);
    }
  }
  return found;
}

const number = (value, digits = 2) =>
  value >= 1000 ? Math.round(value).toLocaleString("en-GB") : value.toFixed(value >= 100 ? 0 : digits);
const percent = (value) => `${Math.round(value * 100)} %`;
const row = (columns) => `| ${columns.join(" | ")} |`;
const rule = (columns, left) => row(columns.map((_, i) => (i < left ? "---" : "---:")));
const table = (head, lines, left) => [row(head), rule(head, left), ...lines.map(row)].join("\n");

const marks = (one) => `${one.bottleneck ? " †" : ""}${one.behind ? " ‡" : ""}`;

function values(report, cells, names) {
  const lines = cells.flatMap((cell) => {
    const found = names.map((name) => summarize(report, cell, name));
    if (found.every((one) => one === null)) return [];
    const title = cell.title + (cell.what ? ` (${cell.what})` : "");
    return [[cell.id, title, ...found.map((one) => (one ? number(one.value) + marks(one) : "–"))]];
  });
  return table(["#", "Scenario", ...names], lines, 2);
}

function ratios(report, cells) {
  const ours = report.servers.filter((server) => server.ours && !server.missing);
  const peers = report.servers.filter((server) => !server.ours && !server.missing);
  const lines = [];
  for (const cell of cells) {
    for (const server of ours) {
      const mine = summarize(report, cell, server.name);
      if (!mine) continue;
      const columns = peers.map((peer) => {
        const theirs = summarize(report, cell, peer.name);
        if (!theirs || theirs.value === 0) return "–";
        const limit = limitFor(cell, server, peer.name);
        const ratio = mine.value / theirs.value;
        if (limit === undefined) return ratio.toFixed(3);
        const text = `${ratio.toFixed(3)} (≤ ${limit.toFixed(2)})`;
        return ratio > 0 && ratio <= limit ? text : `**${text}**`;
      });
      if (columns.some((text) => text !== "–")) lines.push([cell.id, server.name, ...columns]);
    }
  }
  return lines.length === 0 ? "" : table(["#", "Server", ...peers.map((peer) => `/ ${peer.name}`)], lines, 2);
}

function requirements(report, cells) {
  const found = verdicts(report, cells);
  if (found.length === 0) return "No requirement was measured.";
  const passed = found.filter((one) => one.passed).length;
  const lines = found.map((one) => [
    one.cell, one.text, number(one.ratio, 3), `≤ ${number(one.limit, 3)}`, one.passed ? "pass" : "**miss**",
  ]);
  return `${passed} of ${found.length} hold.\n\n${table(["#", "What", "measured", "must be", ""], lines, 2)}`;
}

function details(report, cells, names) {
  const head = ["#", "Server", "CPU µs", "generator µs", "per second", "offered msgs/s", "server busy", "generator busy", "p50 µs", "p90",
    "p99", "p99.9", "max", "spread"];
  const lines = [];
  for (const cell of cells) {
    for (const name of names) {
      const one = summarize(report, cell, name);
      if (!one || cell.what === "rss_per_client") continue;
      lines.push([
        cell.id, name, number(one.cpu), number(one.own), number(one.perSecond), one.rate > 0 ? number(one.rate) : "–",
        percent(one.serverCpu), percent(one.ownCpu) + marks(one), ...[one.p50, one.p90, one.p99, one.p999, one.max].map((v) => number(v, 0)),
        percent(one.spread),
      ]);
    }
  }
  return table(head, lines, 2);
}

/** The whole result file; `pictures` are file names beside it. */
export function markdown(report, cells, pictures = []) {
  const machine = Object.entries(report.machine).map(([key, value]) => `${key}: ${value}`).join(" · ");
  const names = report.servers.filter((server) => !server.missing).map((server) => server.name);
  const missing = report.servers.filter((server) => server.missing);
  const sections = [
    `# ${report.date}`, machine,
    `Medians of ${report.rounds} interleaved rounds of ${report.duration} s after ${report.warm_up} s of warm-up; each cell has a server
of its own. CPU is user and kernel time of the server's process per delivery (per connection in P11); \`rss_per_client\` is
resident bytes per connection. Servers that are not Socket.IO carry the payload alone. "spread" is (largest − smallest) /
median over the rounds. † the generator was the bottleneck (${percent(kBottleneck)} of a core or more; in P16, where it spins, late): the server can do more. ‡ the
server did not keep up with the offered rate.`,
    values(report, cells, names),
  ];
  if (missing.length > 0) sections.push(missing.map((server) => `Not installed: ${server.name} (${server.missing}).`).join("\n"));
  sections.push(
    "## Requirements", requirements(report, cells), "## Ratios, with their limits", ratios(report, cells),
    "## Details", details(report, cells, names),
  );
  if (pictures.length > 0) sections.push("## Pictures", pictures.map((file) => `![${file}](${file})`).join("\n\n"));
  if (report.failures.length > 0)
    sections.push("## Failures", report.failures.map((text) => `- ${text.trim().replaceAll("\n", " ")}`).join("\n"));
  return `${sections.filter(Boolean).join("\n\n")}\n`;
}
