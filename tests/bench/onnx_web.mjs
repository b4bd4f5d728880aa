/* node onnx_web.mjs FOLDER MODEL: processor milliseconds of a network's layers by npm's onnxruntime-web, in
 * WebAssembly on one thread, by size.
 */
import {readFileSync} from "node:fs";
import {join} from "node:path";
import {pathToFileURL} from "node:url";

const RUNS = 9;
const SIZES = [
  [320, 240],
  [512, 512],
];
const [folder, model] = process.argv.slice(2);
const ort = await import(pathToFileURL(join(folder, "dist", "ort.node.min.mjs")).href);
ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create(readFileSync(model), {executionProviders: ["wasm"]});
const {version} = JSON.parse(readFileSync(join(folder, "package.json"), "utf-8"));
for (const [width, height] of SIZES) {
  const picture = new ort.Tensor("float32", new Float32Array(3 * width * height).fill(0.5), [1, 3, height, width]);
  let found = Infinity;
  for (let run = 0; run < RUNS; run++) {
    const before = process.cpuUsage();
    await session.run({[session.inputNames[0]]: picture});
    const {user, system} = process.cpuUsage(before);
    if (run > 1) found = Math.min(found, (user + system) / 1000);
  }
  console.log(`onnxruntime-web ${version}, layers alone, ${width} × ${height}: ${Math.round(found)} ms`);
}
