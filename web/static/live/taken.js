/* What a visitor takes along: a recording of painted frames, a file on their device; or a snapshot,
 * the camera's frame as it is, not painted, which becomes a job of the studio's with the styles.
 */
import {ask} from "../core/api.js";
import {under} from "../core/place.js";

/** @typedef {import("./styles.js").Chosen} Chosen */
/** @typedef {import("./worker.js").Look} Look */

// mp4 first: its files have a duration and play everywhere
const KINDS = ["video/mp4;codecs=avc1.42E01E", "video/mp4", "video/webm;codecs=vp9", "video/webm"];
const BITS = 4e6; // a second
const SLICE = 1000; // milliseconds
const QUALITY = 0.95; // of a snapshot's JPEG

export class Recording {
  /** Begins at once.
   * @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    /** @type {Blob[]} */
    const parts = [];
    const mimeType = KINDS.find((kind) => MediaRecorder.isTypeSupported(kind));
    this.stream = canvas.captureStream();
    this.recorder = new MediaRecorder(this.stream, {mimeType, videoBitsPerSecond: BITS});
    this.recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
    /** @type {Promise<Blob>} */
    this.file = new Promise((done) => {
      this.recorder.addEventListener("stop", () => done(new Blob(parts, {type: this.recorder.mimeType.split(";")[0]})));
    });
    this.recorder.start(SLICE);
    // the screen stays on meanwhile, where the browser can keep it so
    this.lock = navigator.wakeLock?.request("screen").catch(() => null);
  }
  /** Ends it and answers with the file. */
  stop() {
    if (this.recorder.state !== "inactive") this.recorder.stop();
    for (const track of this.stream.getTracks()) track.stop();
    void this.lock?.then((lock) => lock?.release());
    return this.file;
  }
}

/** @param {HTMLVideoElement} video
 * @returns {Promise<Blob>} */
const frame = (video) => {
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  return canvas.convertToBlob({type: "image/jpeg", quality: QUALITY});
};
/** Sends it; answers with the job.
 * @param {HTMLVideoElement} video
 * @param {Chosen[]} chosen
 * @param {Look} look
 * @returns {Promise<Api.JobView>} */
export const snapshot = async (video, chosen, look) => {
  const body = new FormData();
  body.append("content", await frame(video), "snapshot.jpg");
  for (const one of chosen) body.append("style", await one.file(), "style");
  body.append("options", JSON.stringify({alpha: look.alpha, weights: look.shares, strokes: look.strokes}));
  return ask(under("/api/v1/jobs"), {method: "POST", body});
};
