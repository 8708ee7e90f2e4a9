// The servers that are measured, and how they and the load generators are started: each on a core of its own.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const here = dirname(fileURLToPath(import.meta.url));
const peersFolder = join(here, "peers");
const kDescriptors = 20_000;
const kStopMs = 5000;

/** The lines name=value of a .peer file. */
export function parsePeer(text, folder) {
  const peer = { folder };
  for (const line of text.split("\n")) {
    const match = /^(\w+)=(.*)$/.exec(line.trim());
    if (match) peer[match[1]] = match[2];
  }
  for (const key of ["name", "kind", "command"])
    if (!peer[key]) throw new Error(`a peer without ${key}=`);
  if (!["socketio", "raw"].includes(peer.kind)) throw new Error(`${peer.name}: kind is socketio or raw, not ${peer.kind}`);
  return peer;
}

/** A path as one word of a command. */
export const quoted = (path) => `'${path.replaceAll("'", "'\\''")}'`;

const readPeer = (file) => parsePeer(readFileSync(file, "utf8"), dirname(resolve(file)));

/** Ours, once per backend, then the peers; those that cannot run here carry `missing`. */
export function servers({ bin, backends = [], threads, peers = [], only }) {
  const ours = (backend) => ({
    name: backend ? `ours-${backend}` : "ours", kind: "socketio", folder: here, ours: true, backend,
    command: `${quoted(`${bin}/bench-server`)} --port {port} --mode {mode}${backend ? ` --backend ${backend}` : ""}`,
    threads,
  });
  const found = backends.length > 0 ? backends.map(ours) : [ours()];
  const files = readdirSync(peersFolder).filter((name) => name.endsWith(".peer")).sort();
  for (const file of [...files.map((name) => join(peersFolder, name)), ...peers]) found.push(readPeer(file));
  for (const server of found) {
    const needed = server.needs && join(server.folder, server.needs);
    if (needed && !existsSync(needed)) server.missing = `no ${server.needs}`;
  }
  if (!only) return found;
  const wanted = (server) => only.includes(server.name) || (server.ours && only.includes("ours"));
  const unknown = only.filter((name) => name !== "ours" && !found.some((server) => server.name === name));
  if (unknown.length > 0) throw new Error(`no server ${unknown.join(", ")}; there are ${found.map((s) => s.name).join(", ")}`);
  return found.filter(wanted);
}

/** Whether a server has what the cell asks for. */
export function takesPart(server, cell) {
  const can = (what) => server.ours || (server.can ?? "").split(" ").includes(what);
  if ((cell.tls && !can("tls")) || (cell.deflate && !can("deflate"))) return false;
  return cell.only === undefined || (cell.only === "ours" ? server.ours === true : cell.only === server.kind);
}

export function requirePrograms(bin) {
  for (const program of ["bench-server", "sio"]) {
    if (!existsSync(join(bin, program)))
      throw new Error(`no ${program} in ${bin}: ./dev bench build, or name another folder with --bin`);
  }
}

// Below the ports the kernel gives to clients, of which the generator takes thousands.
export async function freePort() {
  for (;;) {
    const port = 10000 + Math.floor(Math.random() * 20000);
    const probe = createServer();
    const free = await new Promise((done) => {
      probe.once("error", () => done(false));
      probe.listen(port, "127.0.0.1", () => done(true));
    });
    await new Promise((done) => probe.close(done));
    if (free) return port;
  }
}

const running = new Set();
process.on("exit", () => { for (const child of running) child.kill("SIGKILL"); });
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

/**
 * Starts a command, on `cores` when given. The child has `output`, `errors` and `ended`, a promise of its exit code.
 * `idle`: it runs only when nobody else wants the core, and makes room at once (a nice one goes on until its slice is over).
 */
export function launch(command, { cores, folder = here, nice, idle = false } = {}) {
  const place = cores === undefined ? "" : `taskset -c ${cores} `;
  const priority = idle ? "chrt --idle 0 " : nice ? `nice -n ${nice} ` : "";
  const line = `ulimit -n ${kDescriptors} 2>/dev/null; exec ${place}${priority}${command}`;
  const child = spawn("bash", ["-c", line], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  child.output = "";
  child.errors = "";
  child.stdout.on("data", (text) => (child.output += text));
  child.stderr.on("data", (text) => (child.errors += text));
  child.ended = new Promise((done) => child.on("close", (code) => { running.delete(child); done(code); }));
  return child;
}

let certificate;

// A certificate and its key in one file, made once.
function pem() {
  if (certificate) return certificate;
  const folder = mkdtempSync(join(tmpdir(), "sio-bench-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  certificate = join(folder, "server.pem");
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
    "-subj", "/CN=localhost", "-keyout", certificate, "-out", `${certificate}.crt`], { stdio: "ignore" });
  writeFileSync(certificate, readFileSync(`${certificate}.crt`), { flag: "a" });
  return certificate;
}

/** Starts a server; resolves when it says that it listens. */
export async function startServer(server, mode, { cores, nice, threads, tls = false, deflate = false }) {
  const port = await freePort();
  const count = server.ours ? (threads ?? server.threads) : undefined;
  const command = server.command.replaceAll("{port}", port).replaceAll("{mode}", mode)
    + (count ? ` --threads ${count}` : "") + (tls ? ` --tls ${quoted(pem())}` : "") + (deflate ? " --deflate on" : "");
  const child = launch(command, { cores, nice, folder: server.folder });
  child.port = port;
  const listening = new Promise((done) => child.stdout.on("data", () => child.output.includes("listening") && done(true)));
  if (!(await Promise.race([listening, child.ended.then(() => false)])))
    throw new Error(`${server.name} does not start: ${(child.errors || child.output).trim()}`);
  return child;
}

export async function stop(child) {
  child.kill("SIGTERM");
  const hard = setTimeout(() => child.kill("SIGKILL"), kStopMs);
  await child.ended;
  clearTimeout(hard);
}

function output(program, ...args) {
  try {
    return execFileSync(program, args, { cwd: here, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "";
  }
}

/** What a result file says about where it comes from. */
export function machine({ nice, threads } = {}) {
  const lock = JSON.parse(readFileSync(join(peersFolder, "package-lock.json"), "utf8")).packages;
  const version = (name) => lock[`node_modules/${name}`]?.version ?? "none";
  const bun = existsSync(join(peersFolder, "node_modules/bun/bin/bun.exe")) ? version("bun") : "not installed";
  return {
    cpu: cpus()[0].model, cores: cpus().length, memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    kernel: `Linux ${release().split("-")[0]}`, compiler: output("c++", "--version").split("\n")[0],
    node: process.version, bun, "socket.io": version("socket.io"), "bun-engine": version("@socket.io/bun-engine"),
    ws: version("ws"), commit: output("git", "rev-parse", "--short", "HEAD"), priority: nice ? `nice ${nice}` : "normal",
    threads: threads ?? 1,
  };
}
