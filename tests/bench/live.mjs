/* node --expose-gc live.mjs FOLDER: processor milliseconds of one frame, by size, one thread.
 *
 * Says a line of JSON: for each size, the least of its runs, at full strength and at half.
 */
import {readFileSync} from "node:fs";
import {join} from "node:path";
import {pathToFileURL} from "node:url";

const RUNS = 9;
const SIZES = [
  [320, 240],
  [512, 512],
];
const {script, code, network} = JSON.parse(readFileSync(join(process.argv[2], "tasks.json"), "utf-8"));
const {Engine} = await import(pathToFileURL(script).href);
const bytes = (file) => new Uint8Array(readFileSync(file));
const drawn = (width, height) => ({
  data: Uint8Array.from({length: 4 * width * height}, (_, i) => 128 + 100 * Math.sin(i * 0.01)),
  width,
  height,
});

const engine = await Engine.made(await WebAssembly.compile(bytes(code)), bytes(network).buffer);
const style = engine.measure(drawn(384, 384));
const least = (picture, alpha) => {
  let found = Infinity;
  for (let run = 0; run < RUNS; run++) {
    const before = process.cpuUsage();
    engine.paint(picture, style, alpha);
    const {user, system} = process.cpuUsage(before);
    if (run > 1) found = Math.min(found, (user + system) / 1000);
  }
  return Math.round(found);
};
const rows = SIZES.map(([width, height]) => {
  const picture = drawn(width, height);
  return {width, height, full: least(picture, 1), half: least(picture, 0.5), bytes: engine.bytes};
});
console.log(JSON.stringify(rows));
