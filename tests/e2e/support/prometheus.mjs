// A strict reader of the Prometheus text format (0.0.4), narrower than what Prometheus itself takes: every metric has
// one HELP and one TYPE right before its samples, no sample comes twice, counters end in _total and are never
// negative, and a histogram's buckets are complete and grow.
import assert from "node:assert/strict";

const kName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const kSample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const kLabel = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/;
const kNumber = /^(?:[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN)$/;

function labelsOf(text) {
  const labels = {};
  for (let rest = text; rest !== "";) {
    const match = kLabel.exec(rest);
    assert(match, `labels: ${text}`);
    assert(!(match[1] in labels), `label twice: ${text}`);
    labels[match[1]] = match[2].replace(/\\(.)/g, (_, c) => (c === "n" ? "\n" : c));
    rest = rest.slice(match[0].length);
  }
  return labels;
}

function checkHistogram(name, samples) {
  const of = (suffix) => samples.filter((sample) => sample.name === name + suffix);
  const buckets = of("_bucket");
  assert.equal(of("_sum").length, 1, name);
  assert.equal(of("_count").length, 1, name);
  assert.equal(samples.length, buckets.length + 2, name);
  const bounds = buckets.map((b) => (b.labels.le === "+Inf" ? Infinity : Number(b.labels.le)));
  for (let i = 1; i < buckets.length; ++i) {
    assert(bounds[i] > bounds[i - 1], `${name}: le`);
    assert(buckets[i].value >= buckets[i - 1].value, `${name}: not cumulative`);
  }
  assert.equal(bounds.at(-1), Infinity, name);
  assert.equal(buckets.at(-1).value, of("_count")[0].value, name);
}

/** {families: {name: {type, help, samples}}, value(name, labels)}; throws at the first thing that is not as it has to be. */
export function parse(text) {
  assert(text.endsWith("\n"), "the last line ends");
  const families = {};
  let family = null;
  for (const line of text.slice(0, -1).split("\n")) {
    if (line.startsWith("# HELP ")) {
      const [, name, help] = /^# HELP (\S+) (.+)$/.exec(line);
      assert.match(name, kName);
      assert(!(name in families), `${name} comes twice`);
      assert(!/\\(?![\\n])/.test(help), `${name}: escapes of its HELP`);
      family = families[name] = { name, help, type: null, samples: [] };
    } else if (line.startsWith("# TYPE ")) {
      const [, name, type] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line);
      assert.equal(name, family?.name, "TYPE behind its HELP");
      assert(family.type === null && family.samples.length === 0, `${name}: TYPE comes once, before samples`);
      family.type = type;
    } else {
      const match = kSample.exec(line);
      assert(match, `no sample: ${line}`);
      const [, name, labels = "", number] = match;
      assert(family?.type, `a sample without TYPE: ${line}`);
      const own = family.type === "histogram" ? name.replace(/_(bucket|sum|count)$/, "") : name;
      assert.equal(own, family.name, line);
      assert.match(number, kNumber);
      const value = Number(number.replace("Inf", "Infinity"));
      if (family.type !== "gauge") assert(value >= 0, line);
      const sample = { name, labels: labelsOf(labels), value };
      const same = (other) => other.name === name && JSON.stringify(other.labels) === JSON.stringify(sample.labels);
      assert(!family.samples.some(same), `twice: ${line}`);
      family.samples.push(sample);
    }
  }
  for (const { name, type, samples } of Object.values(families)) {
    assert(samples.length > 0, `${name} has no samples`);
    if (type === "counter") assert.match(name, /_total$/);
    if (type === "histogram") checkHistogram(name, samples);
  }
  const value = (name, labels = {}) => {
    const wanted = JSON.stringify(labels);
    const found = families[name.replace(/_(bucket|sum|count)$/, "")] ?? families[name];
    const sample = found?.samples.find((s) => s.name === name && JSON.stringify(s.labels) === wanted);
    assert(sample, `no ${name} ${wanted}`);
    return sample.value;
  };
  return { families, value };
}
