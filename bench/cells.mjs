// What is measured: one row per scenario of docs/internals/benchmarks.md. `mode` is for the server, `args` for `sio bench`;
// `limits` are the ratios ours/peer to stay under, `most` the largest value of ours. Cells with `of` take their rate from
// what another cell reached; those with `tls` or `deflate` start the servers so, and are for those that can. In a family
// the cost must not grow: its largest value by at most `limit` over its first.
const echo = (clients, inFlight) => ["--scenario", "echo", "-c", clients, "-i", inFlight];
const broadcast = (clients, inFlight) => ["--scenario", "broadcast", "-c", clients, "-i", inFlight];
const rooms = (count, inFlight) => ["--scenario", `rooms:${count}`, "-c", 10000, "-i", inFlight];
const polling = ["--transport", "polling"];
const idle = ["--scenario", "idle", "-c", 10000];

const closed = [
  { id: "P1", title: "echo 100×1", mode: "echo", args: echo(100, 1), limits: { "socket.io": 0.33, uws: 1.0 } },
  { id: "P2", title: "echo 100×8", mode: "echo", args: echo(100, 8), limits: { "socket.io": 0.38, uws: 1.08 } },
  { id: "P3", title: "echo 1,000×1", mode: "echo", args: echo(1000, 1), limits: { "socket.io": 0.23, uws: 0.97 } },
  {
    id: "P4", title: "echo with ack 100×1", mode: "echo", args: [...echo(100, 1), "--ack"],
    only: "socketio", limits: { "socket.io": 0.33 },
  },
  { id: "P5", title: "broadcast 100×1", mode: "broadcast", args: broadcast(100, 1), limits: { "socket.io": 0.45, uws: 0.85 } },
  { id: "P6", title: "broadcast 1,000×1", mode: "broadcast", args: broadcast(1000, 1), limits: { "socket.io": 0.36, uws: 0.8 } },
  { id: "P7", title: "broadcast 1,000×4", mode: "broadcast", args: broadcast(1000, 4), limits: { "socket.io": 0.13, uws: 0.9 } },
  {
    id: "P8", title: "10,000 in 100 rooms", mode: "rooms:100", args: rooms(100, 1),
    limits: { "socket.io": 0.4, uws: 0.9 }, slow: true,
  },
  {
    id: "P9", title: "idle, 10,000", mode: "echo", args: idle, what: "rss_per_client",
    limits: { "socket.io": 1 / 15 }, most: 1000, slow: true,
  },
  {
    id: "P9b", title: "idle, browser's head", mode: "echo", args: [...idle, "--browser"], what: "rss_per_client",
    only: "socketio", limits: { "socket.io": 1 / 8 }, most: 1700, slow: true,
  },
  {
    id: "P10", title: "idle, after 900 kB each", mode: "echo", args: [...idle, "--burst", 900000],
    what: "rss_per_client", only: "socketio", limits: { "socket.io": 1 / 15 }, most: 1100, slow: true,
  },
  { id: "P11", title: "connect and leave", mode: "echo", args: ["--scenario", "connect", "-c", 64], limits: { "socket.io": 0.12 } },
  {
    id: "P12", title: "long-polling echo 100×1", mode: "echo", args: [...echo(100, 1), ...polling],
    only: "socketio", limits: { "socket.io": 0.25 },
  },
  {
    id: "P13a", title: "binary echo, 1 KiB", mode: "echo", args: [...echo(100, 1), "--binary", 1024],
    limits: { "socket.io": 0.4 },
  },
  {
    id: "P13b", title: "echo of 64 KiB", mode: "echo", args: [...echo(100, 1), "--payload", 65536],
    limits: { "socket.io": 0.5, uws: 1.6 },
  },
  {
    id: "P14a", title: "TLS 1.3 echo 100×1", mode: "echo", args: echo(100, 1), tls: true,
    limits: { "socket.io": 0.45, uws: 1.05 },
  },
  {
    id: "P14b", title: "idle over TLS, 10,000", mode: "echo", args: idle, tls: true, slow: true,
    what: "rss_per_client", limits: {}, most: 16384,
  },
  {
    id: "P15", title: "compressed broadcast 1,000×1 of 1 KiB", mode: "broadcast", deflate: true,
    args: [...broadcast(1000, 1), "--payload", 1024], limits: { "socket.io": 0.15, uws: 0.5 },
  },
];

// At one rate for all, half of what the slowest can do: no server gains by keeping the others waiting, nor by batching
// because it is late. In an open loop nothing limits what is in flight, so P2 is P1 and P7 is P6.
const fixedRate = ["P1", "P3", "P4", "P5", "P6", "P8", "P12"].map((id) => {
  const source = closed.find((cell) => cell.id === id);
  const at = source.args.indexOf("-i");
  return {
    id: `F${id.slice(1)}`, title: `${source.title.replace("×1", "")}, one rate for all`, mode: source.mode,
    args: [...source.args.slice(0, at), ...source.args.slice(at + 2)], only: source.only, slow: source.slow, of: id, share: 0.5, rateOf: "slowest",
  };
});

// Latency at 60 % of what the reference (µWebSockets if there, else ours) can do. The generator spins: a sleeping one would
// spend most of its core on waking up, and its own queue would be most of the 99th percentile.
const latency = [
  { id: "P16a", title: "p99, echo at 60 %", mode: "echo", args: ["--scenario", "echo", "-c", 100], of: "P1" },
  { id: "P16b", title: "p99, broadcast at 60 %", mode: "broadcast", args: ["--scenario", "broadcast", "-c", 1000], of: "P6" },
].map((cell) => ({
  ...cell, args: [...cell.args, "--spin"], share: 0.6, rateOf: "reference", what: "p99_us", limits: { "socket.io": 0.5, uws: 1.0 },
}));

const threads = [1, 2, 4].map((count) => ({
  id: `P17.${count}`, title: `echo 1,000×1, ${count} thread${count > 1 ? "s" : ""}`, mode: "echo", args: echo(1000, 1),
  only: "ours", threads: count, x: count,
}));

const recipients = [100, 300, 1000, 3000, 9000].map((count) => ({
  id: `P20.${count}`, title: `broadcast ${count}×1`, mode: "broadcast", args: broadcast(count, 1), x: count,
  slow: count > 1000,
}));

// The same number of deliveries under way, however many rooms they go to.
const roomCounts = [100, 1000, 10000].map((count) => ({
  id: `P20.rooms${count}`, title: `10,000 in ${count} rooms`, mode: `rooms:${count}`, args: rooms(count, count / 100),
  x: count, slow: true,
}));

export const cells = [...closed, ...fixedRate, ...latency, ...threads, ...recipients, ...roomCounts];

export const families = [
  {
    id: "P17", title: "CPU per message, by threads", cells: threads.map((cell) => cell.id), limit: 1.1,
  },
  {
    id: "P20a", title: "CPU per delivery, by recipients", cells: recipients.map((cell) => cell.id), limit: 1.15,
  },
  {
    id: "P20b", title: "CPU per delivery, by rooms", cells: roomCounts.map((cell) => cell.id), limit: 1.15,
  },
];

/** The cells that `wanted` (["P1", "P17"], or nothing for all) names, with those they take their rate from. */
export function choose(wanted, quick) {
  if (!wanted) return cells.filter((cell) => !(quick && cell.slow));
  const ids = new Set();
  for (const id of wanted) {
    const parts = cells.some((cell) => cell.id === id) ? [id] : [`${id}a`, `${id}b`];
    const found = cells.filter((cell) => parts.includes(cell.id) || cell.id.startsWith(`${id}.`));
    if (found.length === 0) throw new Error(`no cell ${id}; there are ${cells.map((cell) => cell.id).join(", ")}`);
    for (const cell of found) {
      ids.add(cell.id);
      if (cell.of) ids.add(cell.of);
    }
  }
  return cells.filter((cell) => ids.has(cell.id));
}
