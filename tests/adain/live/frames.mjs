/* node --expose-gc frames.mjs FOLDER COUNT: paints tasks in turn, each frame smoothed by the last.
 *
 * Says the engine's bytes after ten frames and after all, and by how many the heap has grown between.
 */
import {readFileSync} from "node:fs";
import {join} from "node:path";
import {pathToFileURL} from "node:url";

const FIRST = 10;
const [folder, count] = process.argv.slice(2);
const {script, code, network, tasks} = JSON.parse(readFileSync(join(folder, "tasks.json"), "utf-8"));
const {Engine, mixed} = await import(pathToFileURL(script).href);
const bytes = (file) => new Uint8Array(readFileSync(file));
const picture = ({file, width, height}) => ({data: bytes(join(folder, file)), width, height});

const engine = await Engine.made(await WebAssembly.compile(bytes(code)), bytes(network).buffer);
const looks = tasks.map(({photo, styles, shares, alpha}) => ({
  photo: picture(photo),
  style: mixed(
    styles.map((one) => engine.measure(picture(one))),
    shares,
  ),
  alpha,
}));
const used = () => {
  for (let time = 0; time < 3; time++) globalThis.gc(); // what one lets go of, the next frees
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
};
let before = null,
  early = [];
for (let frame = 0; frame < Number(count); frame++) {
  const {photo, style, alpha} = looks[frame % looks.length];
  before = engine.paint(photo, style, alpha, before, 0.9).seen;
  if (frame === FIRST) early = [engine.bytes, used()];
}
console.log(JSON.stringify([early[0], engine.bytes, used() - early[1]]));
