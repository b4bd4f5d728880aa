/* Under node, the globals of a browser's worker for web/static/engine/helper.js, whose place is given. */
import {parentPort, workerData} from "node:worker_threads";

globalThis.addEventListener = (type, listener) => parentPort.once(type, (data) => listener({data}));
globalThis.postMessage = (message) => parentPort.postMessage(message);
await import(workerData);
