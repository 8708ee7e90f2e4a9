// What bench/syscalls does when one of its programs cannot work: it says so and leaves nothing running.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { here } from "./servers.mjs";

/** bench/syscalls with scripts in the place of its programs (null: there is none). */
async function run(t, { server, strace }) {
  const folder = mkdtempSync(join(tmpdir(), "syscalls-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const script = (name, text) => {
    if (text === null) return;
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(folder, name), 0o755);
  };
  script("bench-server", server);
  script("strace", strace);
  script("sio", "exit 1");
  // Nothing else is found, so that a strace of the machine's is not.
  for (const tool of ["awk", "bash", "cat", "dirname", "grep", "mktemp", "rm", "sed", "sh", "sleep"])
    symlinkSync(process.env.PATH.split(":").map((path) => join(path, tool)).find((file) => existsSync(file)), join(folder, tool));
  const child = spawn(join(folder, "bash"), [join(here, "syscalls")], { env: { BIN: folder, PATH: folder } });
  let errors = "";
  child.stderr.on("data", (data) => (errors += data));
  const [code] = await once(child, "close");
  return { code, errors, folder };
}

const kServes = 'echo $$ >"$(dirname "$0")/pid"; echo listening; exec sleep 1000';

function assertGone(folder) {
  const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
  assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
}

test("a server that cannot start is reported", async (t) => {
  const { code, errors } = await run(t, { server: "echo the port is taken; exit 1", strace: "exec sleep 1000" });
  assert.notEqual(code, 0);
  assert.match(errors, /bench-server .*\n.*the port is taken/);
});

test("a machine without strace is told which package has it", async (t) => {
  const { code, errors } = await run(t, { server: kServes, strace: null });
  assert.notEqual(code, 0);
  assert.match(errors, /strace is missing \(Debian: strace\)/);
});

test("a strace that may not attach is reported, and the server ended", async (t) => {
  const { code, errors, folder } = await run(t, { server: kServes, strace: "echo Operation not permitted >&2; exit 1" });
  assert.notEqual(code, 0);
  assert.match(errors, /strace .*\n.*Operation not permitted/);
  assertGone(folder);
});

test("the server is ended when the load fails", async (t) => {
  const { code, folder } = await run(t, { server: kServes, strace: "echo attached >&2; exec sleep 1000" });
  assert.notEqual(code, 0);
  assertGone(folder);
});
