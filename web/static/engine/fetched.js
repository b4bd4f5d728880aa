/* What the engine is made of, fetched from the studio. */
import {under} from "../core/place.js";

/** Raises an error whose message is the answer's status.
 * @param {string} address */
export const fetched = async (address) => {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.arrayBuffer();
};
/** The code with fused multiplication, where the browser takes it.
 * @param {string} kind "" for one thread, "-threads" for several */
export const code = async (kind) => {
  try {
    return await WebAssembly.compile(await fetched(under(`/page/engine/engine-relaxed${kind}.wasm`)));
  } catch {
    return WebAssembly.compile(await fetched(under(`/page/engine/engine${kind}.wasm`)));
  }
};
