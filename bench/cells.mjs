// What is measured: one row per scenario of docs/internals/performance.md. `mode` is for the server, `args` for
// `sio bench`; `limits` are the ratios to stay under, by peer. Cells with `of` take their rate from another cell.
const echo = (clients, inFlight) => ["--scenario", "echo", "-c", clients, "-i", inFlight];
const broadcast = (clients, inFlight) => ["--scenario", "broadcast", "-c", clients, "-i", inFlight];
const idle = ["--scenario", "idle", "-c", 10000];

export const cells = [
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
    id: "P8", title: "10,000 in 100 rooms", mode: "rooms:100", args: ["--scenario", "rooms:100", "-c", 10000, "-i", 1],
    limits: { "socket.io": 0.4, uws: 0.9 }, slow: true,
  },
  { id: "P9", title: "idle, 10,000", mode: "echo", args: idle, what: "rss_per_client", limits: { "socket.io": 1 / 15 }, slow: true },
  {
    id: "P9b", title: "idle, browser's head", mode: "echo", args: [...idle, "--browser"],
    what: "rss_per_client", limits: { "socket.io": 1 / 8 }, slow: true,
  },
  {
    id: "P10", title: "idle, after 900 kB each", mode: "echo",
    args: ["--scenario", "idle", "-c", 1000, "--burst", 900000],
    what: "rss_per_client", limits: { "socket.io": 1 / 15 }, slow: true,
  },
  {
    id: "P11", title: "connect and leave", mode: "echo", args: ["--scenario", "connect", "-c", 64],
    limits: { "socket.io": 0.12 },
  },
  // At one rate for all, which the slowest serves easily: no server can gain by keeping the others waiting.
  { id: "F1", title: "echo, 100 clients, fixed rate", mode: "echo", args: ["--scenario", "echo", "-c", 100], of: "P1", share: 0.5, rateOf: "slowest" },
  { id: "F6", title: "broadcast, 1,000, fixed rate", mode: "broadcast", args: ["--scenario", "broadcast", "-c", 1000], of: "P6", share: 0.5, rateOf: "slowest" },
  // 60 % of what the fastest can do: latency under load.
  {
    id: "P16a", title: "p99, echo at 60 %", mode: "echo", args: ["--scenario", "echo", "-c", 100],
    of: "P1", share: 0.6, rateOf: "fastest", what: "p99_us", limits: { "socket.io": 0.5, uws: 1.0 },
  },
  {
    id: "P16b", title: "p99, broadcast at 60 %", mode: "broadcast", args: ["--scenario", "broadcast", "-c", 1000],
    of: "P6", share: 0.6, rateOf: "fastest", what: "p99_us", limits: { "socket.io": 0.5, uws: 1.0 },
  },
];
