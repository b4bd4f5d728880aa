/* Measures styles and paints photos with the engine under node, as tests/adain/live/test_engine.py asks.
 *
 * node paint.mjs FOLDER: tasks.json names the engine's code, the network and what is to be done;
 * pictures are raw RGBA beside it, and so is what comes out.
 */
import {readFileSync, writeFileSync} from "node:fs";
import {join} from "node:path";
import {pathToFileURL} from "node:url";
import {helpers} from "./helpers.mjs";

const folder = process.argv[2];
const {script, code, network, tasks} = JSON.parse(readFileSync(join(folder, "tasks.json"), "utf-8"));
const {Engine, mixed} = await import(pathToFileURL(script).href);
const bytes = (file) => new Uint8Array(readFileSync(file));
const picture = ({file, width, height}) => ({data: bytes(join(folder, file)), width, height});

const engine = await Engine.made(await WebAssembly.compile(bytes(code)), bytes(network).buffer, helpers(script, code));
for (const {photo, styles, shares, alpha, out} of tasks) {
  const style = mixed(
    styles.map((one) => engine.measure(picture(one))),
    shares,
  );
  writeFileSync(join(folder, out), engine.paint(picture(photo), style, alpha).data);
}
console.log(engine.bytes);
