/* Where frames come from: the visitor's camera, or a video file on their device. */
import {element} from "../core/dom.js";
import {t} from "../core/text.js";

const CAMERA = {width: {ideal: 1280}, height: {ideal: 720}};

/** @param {MediaStream | null} stream */
const letGo = (stream) => {
  for (const track of stream?.getTracks() ?? []) track.stop();
};

/** There are no frames to be had; the sentence says why. */
export class NoFrames extends Error {}

export class Source {
  /** @param {() => void} ended a camera was taken away, or a video is over */
  constructor(ended) {
    this.video = element("video", {
      class: "source",
      muted: true,
      playsinline: true,
      tabindex: -1,
      "aria-hidden": "true",
    });
    this.video.muted = true;
    this.video.loop = true;
    this.ended = ended;
    this.facing = "user";
    /** @type {MediaStream | null} */
    this.stream = null;
    this.address = "";
    this.turns = 0; // how often a source was begun or let go of
  }
  /** Tells whether frames come. */
  get on() {
    return this.stream !== null || this.address !== "";
  }
  /** Starts a camera, unless something else is started meanwhile. Raises `NoFrames`. */
  async camera() {
    const turn = this.stop();
    if (!navigator.mediaDevices) throw new NoFrames(t("live.https"));
    try {
      const facingMode = {ideal: this.facing};
      const stream = await navigator.mediaDevices.getUserMedia({video: {...CAMERA, facingMode}, audio: false});
      if (turn !== this.turns) return letGo(stream);
      this.stream = stream;
    } catch {
      throw new NoFrames(t("live.no.camera"));
    }
    for (const track of this.stream.getTracks()) track.addEventListener("ended", this.ended);
    this.video.srcObject = this.stream;
    await this.played(turn);
  }
  /** Plays what is shown; that it was stopped meanwhile is no error.
   * @param {number} turn */
  async played(turn) {
    try {
      await this.video.play();
    } catch (error) {
      if (turn === this.turns) throw error;
    }
  }
  /** Turns to the other camera: the front one shows the visitor. */
  turn() {
    this.facing = this.facing === "user" ? "environment" : "user";
    return this.camera();
  }
  /** Plays a video file, again and again. Raises `NoFrames`.
   * @param {File} file */
  async file(file) {
    const turn = this.stop();
    this.address = URL.createObjectURL(file);
    this.video.src = this.address;
    try {
      await this.played(turn);
    } catch {
      this.stop();
      throw new NoFrames(t("live.no.video"));
    }
  }
  /** Lets go of the camera or the file; answers how often that was done. */
  stop() {
    letGo(this.stream);
    if (this.address) URL.revokeObjectURL(this.address);
    this.stream = null;
    this.address = "";
    this.video.srcObject = null;
    this.video.removeAttribute("src");
    this.video.load();
    return ++this.turns;
  }
  /** Calls when there is a next frame.
   * @param {() => void} next */
  next(next) {
    if (this.video.requestVideoFrameCallback) this.video.requestVideoFrameCallback(next);
    else requestAnimationFrame(next);
  }
}
