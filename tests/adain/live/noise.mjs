/* node noise.mjs SCRIPT CHANNELS DEVIATION: the engine's noise as float32. */
import {writeSync} from "node:fs";
import {pathToFileURL} from "node:url";

const [script, channels, deviation] = process.argv.slice(2);
const {noise} = await import(pathToFileURL(script).href);
const bytes = new Uint8Array(noise(Number(channels), Number(deviation)).buffer);
for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
