// Starts the server programs under test as child processes and hands their port to the tests.
//
//   SIO_BIN_DIR   where the programs are (default: ../../build/dev/bin)
//   SIO_SERVER_ARGS  more arguments for the conformance server, separated by spaces
//   SIO_REF=1     run $SIO_REF_DIR/<name>.mjs with node instead: the same interface written with the reference
//                 implementation, which is how the tests themselves are checked
import { spawn } from "node:child_process";
import net from "node:net";
import { fileURLToPath } from "node:url";
import path from "node:path";
import assert from "node:assert/strict";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, "../../..");
const binDir = path.resolve(process.env.SIO_BIN_DIR ?? path.join(root, "build/dev/bin"));

export const isReference = process.env.SIO_REF === "1";
export const chatPageDir = path.join(root, "examples/chat/public");
export const clientBundleDir = path.resolve(here, "../node_modules/socket.io/client-dist");

const kQuietPorts = [20_000, 32_000];  // below those that systems give to whoever asks for any
const kStartMs = 60_000;  // a sanitizer build on a busy machine starts slowly
const running = new Set();
process.on("exit", () => { for (const child of running) child.kill("SIGKILL"); });

function command(name) {
  if (!isReference) return [path.join(binDir, name)];
  assert(process.env.SIO_REF_DIR, "SIO_REF=1 needs SIO_REF_DIR");
  return [process.execPath, path.join(process.env.SIO_REF_DIR, `${name}.mjs`)];
}

/** Can somebody connect? */
export const listens = (port) => new Promise((resolve) => {
  const socket = net.connect(port, "127.0.0.1");
  socket.on("connect", () => { socket.destroy(); resolve(true); });
  socket.on("error", () => resolve(false));
});

/** A port that nobody listens on, and that nobody is given who asks for any: it stays free while a test does not use it. */
export async function quietPort() {
  for (;;) {
    const port = kQuietPorts[0] + Math.floor(Math.random() * (kQuietPorts[1] - kQuietPorts[0]));
    if (!await listens(port)) return port;
  }
}

/** Starts `name` and resolves when it has printed `listening on N` or `listening on http://localhost:N`. */
export async function start(name, args = [], port = 0) {
  const [program, ...first] = command(name);
  const env = { ...process.env, PORT: String(port), SOCKETIO_CLIENT_DIST: clientBundleDir };  // the chat's settings
  const child = spawn(program, [...first, "--port", String(port), ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let output = "";
  const exited = new Promise((resolve) => {
    child.once("error", (error) => { output += error.message; resolve({ code: -1, signal: null }); });
    child.once("exit", (code, signal) => { running.delete(child); resolve({ code, signal }); });
  });
  const listening = new Promise((resolve) => {
    const read = (chunk) => {
      output = (output + chunk).slice(-20_000);
      const match = /listening on (?:http:\/\/localhost:)?(\d+)\n/.exec(output);
      if (match) resolve(Number(match[1]));
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
  });
  const slow = setTimeout(() => child.kill("SIGKILL"), kStartMs);
  const actual = await Promise.race([listening, exited.then(() => null)]);
  clearTimeout(slow);
  if (actual === null) throw new Error(`${name} ended before it listened:\n${output}`);
  return new Server(name, args, child, actual, exited, () => output);
}

class Server {
  #child;
  #exited;
  #output;
  constructor(name, args, child, port, exited, output) {
    this.name = name;
    this.args = args;
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.ws = `ws://127.0.0.1:${port}`;
    this.#child = child;
    this.#exited = exited;
    this.#output = output;
  }

  /** Ends the server the ordinary way and fails the test if it did not end well (a sanitizer's report included).
   *  Resolves with {code, signal}: a program may end well by either. */
  async stop() {
    this.#child.kill("SIGTERM");
    const { code, signal } = await this.#exited;
    const report = `${this.name} ended with code ${code}, signal ${signal}:\n${this.#output()}`;
    assert(code === 0 || signal === "SIGTERM" || (isReference && code === 143), report);
    assert(!/Sanitizer|runtime error:/.test(this.#output()), report);
    return { code, signal };
  }

  /** Ends the server at once, as a crash would. */
  async kill() {
    this.#child.kill("SIGKILL");
    await this.#exited;
  }

  /** The same program with the same arguments on the same port, which should be a quiet one. */
  again() {
    return start(this.name, this.args, this.port);
  }
}

// SIO_SERVER_ARGS: the same tests on another backend or with several threads ("--threads 4").
const extra = isReference ? [] : (process.env.SIO_SERVER_ARGS ?? "").split(" ").filter(Boolean);

export const conformanceAt = (port, suite, ...args) => start("conformance-server", ["--suite", suite, ...args, ...extra], port);
export const conformance = (suite, ...args) => conformanceAt(0, suite, ...args);
export const chat = (port = 0) => start("chat", isReference ? ["--public", chatPageDir, "--client-dist", clientBundleDir] : [], port);
