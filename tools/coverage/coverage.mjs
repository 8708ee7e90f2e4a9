// The lines of the parsers that their tests reach (not the fuzz targets): coverage.mjs BUILD_DIR [--lines]
//
// BUILD_DIR is built with --coverage and its tests have run. Prints a line per file and fails when one has less than the limit.
// --lines names the lines that nobody reached.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";

const kLimit = 95;  // per cent of the lines of each file

// What reads bytes of strangers.
const kParsers = {
  http: ["chunked_body.cpp", "content_coding.cpp", "cookie.cpp", "head_check.cpp", "head_scan.cpp", "message.cpp", "request_parser.cpp", "server_machine.cpp", "url.cpp"],
  ws: ["deflate.cpp", "deflate_stream.cpp", "extensions.cpp", "frame.cpp", "handshake.cpp", "machine.cpp", "machine_output.cpp", "mask.cpp", "utf8.cpp"],
  eio: ["jsonp.cpp", "packet.cpp", "packet_v3.cpp", "payload.cpp", "payload_v3.cpp"],
  sio: ["decoder.cpp", "msgpack_parser.cpp", "packet.cpp", "user_parser.cpp"],
  value: ["json_normalise.cpp", "json_read.cpp", "json_scan.cpp", "msgpack_read.cpp", "number.cpp", "utf8.cpp"],
};

const [build, flag] = process.argv.slice(2);
if (!build || (flag && flag !== "--lines")) {
  process.stderr.write("usage: coverage.mjs BUILD_DIR [--lines]\n");
  process.exit(2);
}
const root = process.cwd();

/** Counts by line, of every file of src that the objects of `layer` were made from. */
function counts(layer) {
  const folder = path.resolve(build, `CMakeFiles/socketio_${layer}_objects.dir/src/${layer}`);
  const data = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".gcda")) : [];
  if (!data.length) {
    process.stderr.write(`coverage: no counts of ${layer} in ${build}: its tests have not run\n`);
    process.exit(2);
  }
  const files = new Map();
  const output = execFileSync("gcov", ["--json-format", "--stdout", ...data], { cwd: folder, encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "ignore"] });
  for (const unit of output.split("\n").filter(Boolean).map((line) => JSON.parse(line))) {
    for (const { file, lines } of unit.files) {
      const name = path.relative(root, path.resolve(unit.current_working_directory, file));
      if (!name.startsWith("src/")) continue;
      const known = files.get(name) ?? files.set(name, new Map()).get(name);
      // Inline functions and instances of templates come once per unit: reached anywhere is reached.
      for (const { line_number: line, count } of lines) known.set(line, (known.get(line) ?? 0) + count);
    }
  }
  return files;
}

let low = 0;
const row = (name, reached, total) => `${name.padEnd(32)} ${String(reached).padStart(5)} of ${String(total).padStart(5)}  ${((100 * reached) / total).toFixed(1).padStart(5)} %`;
const all = [0, 0];
for (const [layer, names] of Object.entries(kParsers)) {
  const files = counts(layer);
  for (const name of names) {
    const file = `src/${layer}/${name}`;
    const lines = files.get(file);
    if (!lines) {
      process.stderr.write(`coverage: ${file} is not there\n`);
      process.exit(2);
    }
    const missed = [...lines].filter(([, count]) => count === 0).map(([line]) => line).sort((a, b) => a - b);
    const reached = lines.size - missed.length;
    all[0] += reached;
    all[1] += lines.size;
    const short = (100 * reached) / lines.size < kLimit;
    if (short) ++low;
    process.stdout.write(`${row(file, reached, lines.size)}${short ? `  below ${kLimit} %` : ""}\n`);
    if (flag && missed.length) process.stdout.write(`    not reached: ${missed.join(" ")}\n`);
  }
}
process.stdout.write(`${row("all parsers", ...all)}\n`);
if (low) process.stderr.write(`coverage: ${low} files are below ${kLimit} %\n`);
process.exit(low ? 1 : 0);
