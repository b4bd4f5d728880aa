/* Threads for the engine under node: two beside the first for code whose memory is shared, else none. */
import {Worker} from "node:worker_threads";

const COUNT = 2;
const begun = (place) => {
  const worker = new Worker(new URL("thread.mjs", import.meta.url), {workerData: place});
  worker.unref();
  return {
    postMessage: (message) => worker.postMessage(message),
    addEventListener: (type, listener) => worker.once(type, listener),
  };
};
export const helpers = (script, code) => {
  const place = new URL("helper.js", `file://${script}`).href;
  return code.includes("threads") ? Array.from({length: COUNT}, () => () => begun(place)) : [];
};
