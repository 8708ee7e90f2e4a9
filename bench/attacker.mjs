// attacker.mjs PORT ATTACK [CONNECTIONS]: one of bench/attacks.mjs until SIGTERM; then prints what it did, as JSON.
import { attack } from "./attacks.mjs";

const [port, name, count] = process.argv.slice(2);
const crowd = attack(Number(port), name, count ? Number(count) : undefined);
console.log("attacking");
process.on("SIGTERM", () => {
  console.log(JSON.stringify(crowd.stats));
  crowd.stop();
  process.exit(0);
});
