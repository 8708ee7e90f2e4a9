// The tables of a result file.
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const number = (value, digits = 2) =>
  value >= 1000 ? Math.round(value).toLocaleString("en-GB") : value.toFixed(value >= 100 ? 0 : digits);
const row = (columns) => `| ${columns.join(" | ")} |`;
const line = (columns) => row(columns.map((_, i) => (i < 2 ? "---" : "---:")));

function find(report, cell, server) {
  const found = report.results.filter((r) => r.cell === cell.id && r.server === server);
  if (found.length === 0) return null;
  const of = (key) => median(found.map((r) => r[key]));
  const key = cell.what ?? "cpu_us";
  const values = found.map((r) => r[key]);
  return {
    value: of(key), spread: (Math.max(...values) - Math.min(...values)) / of(key), rounds: found.length,
    user: of("cpu_us_user"), perSecond: of("per_second"), serverCpu: of("server_cpu"), ownCpu: of("own_cpu"),
    p50: of("p50_us"), p99: of("p99_us"), cpu: of("cpu_us"), bottleneck: of("own_cpu") > 0.85,
  };
}

function ratios(report, chosen, names) {
  const peers = names.filter((name) => name !== "ours");
  const head = ["#", "Scenario", ...names, ...peers.map((name) => `ours/${name}`), "must be"];
  const lines = [row(head), line(head)];
  for (const cell of chosen) {
    const found = new Map(names.map((name) => [name, find(report, cell, name)]));
    const ours = found.get("ours");
    const limits = Object.entries(cell.limits ?? {})
      .filter(([name]) => peers.includes(name)).map(([name, limit]) => `${name} ≤ ${limit.toFixed(2)}`);
    lines.push(row([
      cell.id, cell.title + (cell.what ? ` (${cell.what})` : ""),
      ...names.map((name) => (found.get(name) ? number(found.get(name).value) : "–")),
      ...peers.map((name) => {
        if (!ours || !found.get(name)) return "–";
        const ratio = ours.value / found.get(name).value;
        const missed = cell.limits?.[name] !== undefined && ratio > cell.limits[name];
        return missed ? `**${ratio.toFixed(3)}**` : ratio.toFixed(3);
      }),
      limits.join(", ") || "–",
    ]));
  }
  return lines.join("\n");
}

function details(report, chosen, names) {
  const head = ["#", "Server", "CPU µs", "of it user", "per second", "server busy", "generator busy", "p50 µs", "p99 µs", "spread"];
  const lines = [row(head), line(head)];
  for (const cell of chosen) {
    for (const name of names) {
      const r = find(report, cell, name);
      if (!r || cell.what === "rss_per_client") continue;
      lines.push(row([
        cell.id, name, number(r.cpu), number(r.user), number(r.perSecond), `${Math.round(r.serverCpu * 100)} %`,
        `${Math.round(r.ownCpu * 100)} %${r.bottleneck ? " (bottleneck)" : ""}`, number(r.p50, 0), number(r.p99, 0),
        `${Math.round(r.spread * 100)} %`,
      ]));
    }
  }
  return lines.join("\n");
}

export function markdown(report, chosen, names) {
  const machine = Object.entries(report.machine).map(([key, value]) => `${key}: ${value}`).join(" · ");
  return `# ${report.date}

${machine}

Medians of ${report.rounds} interleaved rounds of ${report.duration} s after a warm-up. CPU is user and kernel time of the
server process per delivery (per connection in P11); \`rss_per_client\` is resident bytes per connection; servers that
are not Socket.IO carry the payload alone. A ratio that misses its limit is bold. "user" is sampled by the kernel's
ticks and is a hint only. "spread" is (largest − smallest) / median over the rounds.

${ratios(report, chosen, names)}

${details(report, chosen, names)}
${report.failures.length > 0 ? `\nFailures:\n\n${report.failures.map((text) => `- ${text.trim()}`).join("\n")}\n` : ""}`;
}
