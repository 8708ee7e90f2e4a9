// Clients in other languages against the lab server, over both transports. A peer is a program PEER URL TRANSPORT that
// prints "ok NAME" for each of `checks` in this order, "restart" when the server is to be started anew, and "done".
// Their packages come from their languages' registries, so this is no part of ./dev test.
//
//   ./dev peers [NAME...]
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { conformance } from "../e2e/support/server.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const made = path.resolve(here, "../../build/interop");
const kPatienceMs = 120_000;
const checks = ["connect", "event", "long text", "acknowledgement", "binary", "binary acknowledgement", "join", "room",
  "broadcast", "reconnect"];

const run = (program, ...args) => execFileSync(program, args, { stdio: ["ignore", "ignore", "inherit"] });

/** Installs it, unless that has been done to its end. */
function once(name, install) {
  const done = `${made}/${name}.installed`;
  if (existsSync(done)) return;
  install();
  writeFileSync(done, "");
}

const peers = {
  python: {
    install() {
      once("python", () => {
        run("python3", "-m", "venv", `${made}/python`);
        run(`${made}/python/bin/pip`, "install", "--quiet", "python-socketio[client]==5.18.1", "websocket-client==1.9.2");
      });
    },
    command: [`${made}/python/bin/python`, `${here}/python_client.py`],
  },
  java: {
    install() {
      once("java", () =>
        run("mvn", "-q", "-f", `${here}/java/pom.xml`, "dependency:copy-dependencies", `-DoutputDirectory=${made}/java/lib`));
      run("javac", "-cp", `${made}/java/lib/*`, "-d", `${made}/java/classes`, `${here}/java/Client.java`);
    },
    command: ["java", "-cp", `${made}/java/classes:${made}/java/lib/*`, "Client"],
  },
};

/** What it did not do right; nothing when all is well. */
async function failureOf(peer, transport) {
  let server = await conformance("lab");
  const child = spawn(peer.command[0], [...peer.command.slice(1), server.url, transport], { stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (text) => { errors += text; });
  const late = setTimeout(() => child.kill("SIGKILL"), kPatienceMs);
  const ended = new Promise((resolve) => { child.once("close", resolve); });
  const found = [];
  let done = false;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === "restart") {
      await server.kill();
      server = await server.again();
    } else if (line.startsWith("ok ")) {
      found.push(line.slice(3));
    }
    done = line === "done";
  }
  await ended;
  clearTimeout(late);
  await server.stop();
  if (done && found.join() === checks.join()) return null;
  return `after ${found.at(-1) ?? "nothing"}\n${errors}`;
}

mkdirSync(made, { recursive: true });
const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(peers);
for (const name of wanted) {
  if (!(name in peers)) throw new Error(`no peer ${name}; there are ${Object.keys(peers).join(", ")}`);
  peers[name].install();
  for (const transport of ["polling", "websocket"]) {
    const failure = await failureOf(peers[name], transport);
    console.log(`${name} ${transport}: ${failure === null ? `${checks.length} of ${checks.length}` : `failed ${failure}`}`);
    if (failure !== null) process.exitCode = 1;
  }
}
