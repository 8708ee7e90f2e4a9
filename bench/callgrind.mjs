// Reads what callgrind writes: instructions per function, without those of the functions it calls.

/**
 * What the counts depend on, as it stands in a baseline: the compiler, by the first line of its --version, and the CPU
 * (process.arch, the text of /proc/cpuinfo). simdjson has code of its own for AVX2.
 */
export function platform(version, arch, cpuinfo) {
  const avx2 = /^flags\s*:.*\bavx2\b/m.test(cpuinfo);
  return `${version.split("\n")[0]}, ${arch}${avx2 ? " with AVX2" : ""}`;
}

/** Map of name to instructions of one profile (events: Ir). */
export function parseProfile(text) {
  const names = new Map();  // callgrind writes a name once and its number afterwards
  const costs = new Map();
  let current = "";
  let skip = false;  // the line after calls= is the cost of the called
  const nameOf = (value) => {
    const [, id, name] = /^\((\d+)\)(?: (.*))?$/.exec(value) ?? [null, value, value];
    if (name !== undefined) names.set(id, name.replace(/'\d+$/, ""));
    return names.get(id) ?? value;
  };
  for (const line of text.split("\n")) {
    const first = line.charCodeAt(0);
    const cost = (first >= 48 && first <= 57) || first === 43 || first === 45 || first === 42;
    if (cost) {
      if (!skip) costs.set(current, (costs.get(current) ?? 0) + Number(line.slice(line.lastIndexOf(" ") + 1)));
      skip = false;
    } else if (line.startsWith("fn=")) {
      current = nameOf(line.slice(3));
    } else if (line.startsWith("cfn=")) {
      nameOf(line.slice(4));
    } else if (line.startsWith("calls=")) {
      skip = true;
    }
  }
  return costs;
}

/** How often functions were called whose name matches `pattern`. */
export function countCalls(text, pattern) {
  const wanted = new Map();  // by number, which stands alone after the first time
  let called = "";
  let count = 0;
  for (const line of text.split("\n")) {
    const named = /^c?fn=\((\d+)\)(?: (.*))?$/.exec(line);
    if (named?.[2] !== undefined) wanted.set(named[1], pattern.test(named[2]));
    if (line.startsWith("cfn=")) called = named?.[1];
    if (line.startsWith("calls=") && wanted.get(called)) count += Number(line.slice(6).split(" ")[0]);
  }
  return count;
}

const sum = (costs) => [...costs.values()].reduce((total, cost) => total + cost, 0);

/** What `events` more events cost: {total, functions: [[name, instructions per event], ...]}, the dearest first. */
export function perEvent(fewer, more, events) {
  const functions = [...more].map(([name, cost]) => [name, (cost - (fewer.get(name) ?? 0)) / events]);
  functions.sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  return { total: (sum(more) - sum(fewer)) / events, functions };
}

// A name as it stands in a line: templates make them longer than anybody reads.
const kNameLength = 160;
const short = (name) => name.replace(/\s+/g, " ").slice(0, kNameLength).trim();

/** {platform, modes: {mode: {total, functions: Map}}} from the text of a baseline. */
export function parseBaseline(text) {
  const baseline = { platform: "", modes: {} };
  let mode = null;
  for (const line of text.split("\n")) {
    if (line.startsWith("#") || line.trim() === "") continue;
    if (line.startsWith("platform ")) {
      baseline.platform = line.slice(9).trim();
    } else if (line.startsWith(" ")) {
      const [, cost, name] = /^ +([\d.]+) (.*)$/.exec(line);
      mode.functions.set(name, Number(cost));
    } else {
      const [name, total] = line.split(" ");
      mode = baseline.modes[name] = { total: Number(total), functions: new Map() };
    }
  }
  return baseline;
}

/** The text of a baseline: the functions that make up most of each mode, `top` at most. */
export function formatBaseline(head, platform, modes, top) {
  const lines = [...head.map((line) => `# ${line}`), `platform ${platform}`];
  for (const [mode, { total, functions }] of Object.entries(modes)) {
    lines.push("", `${mode} ${total.toFixed(1)}`);
    for (const [name, cost] of functions.slice(0, top)) {
      if (cost >= 1) lines.push(`${cost.toFixed(1).padStart(8)} ${short(name)}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

/**
 * Why a mode is dearer than its baseline, or null when it is within `tolerance`: the functions that grew by more than
 * half a per cent of the whole, the dearest first. A function that the baseline does not list counts as new.
 */
export function growth(mode, now, before, tolerance) {
  if (!before) return `${mode}: not in the baseline`;
  const ratio = now.total / before.total;
  if (ratio <= 1 + tolerance) return null;
  const merged = new Map();
  for (const [name, cost] of now.functions) merged.set(short(name), (merged.get(short(name)) ?? 0) + cost);
  const grown = [...merged]
    .map(([name, cost]) => ({ name, cost, was: before.functions.get(name) ?? 0 }))
    .filter(({ cost, was }) => cost - was > before.total * 0.005)
    .sort((a, b) => b.cost - b.was - (a.cost - a.was));
  const lines = grown.map(({ name, cost, was }) => `  ${was.toFixed(1)} -> ${cost.toFixed(1)}  ${name}`);
  if (lines.length === 0) lines.push("  no function by itself: many grew a little");
  const percent = ((ratio - 1) * 100).toFixed(1);
  return [`${mode}: ${before.total.toFixed(1)} -> ${now.total.toFixed(1)} instructions per event (+${percent} %)`, ...lines].join("\n");
}
