/* What paints: the processor with all threads or with one, or the graphics card, whichever paints the first frames sooner. */
import {Trial} from "./pace.js";

/** @typedef {import("../engine/engine.js").Engine} Engine */
/** @typedef {import("../engine/engine.js").Seen} Seen */
/** @typedef {import("../engine/engine.js").Style} Style */
/** @typedef {import("../engine/gpu.js").Gpu} Gpu */
/** @typedef {import("../engine/layers.js").Picture} Picture */
/** @typedef {"none" | "ready" | "kept" | "slower" | "lost"} Card whether the graphics card paints, and why not */

const LATE = 1000; // milliseconds, after which a frame is not waited for
const FIRST = 10_000; // the same for the one that is not shown: browsers finish programs when they first run
const BLANK = {data: new Uint8Array(4 * 16 * 16), width: 16, height: 16};

class Late extends Error {}

/** What is promised, or an error when it is late.
 * @template T
 * @param {Promise<T>} promised
 * @param {number} late */
const inTime = async (promised, late) => {
  let timer = 0;
  const ended = new Promise((_, failed) => {
    timer = Number(setTimeout(() => failed(new Late("late")), late));
  });
  try {
    return /** @type {T} */ (await Promise.race([promised, ended]));
  } finally {
    clearTimeout(timer);
  }
};

export class Choice {
  /** @param {Engine} engine */
  constructor(engine) {
    this.engine = engine;
    this.late = LATE;
    this.threads = new Trial(); // the other way: one alone
    this.cards = new Trial(); // the other way: the graphics card
    /** @type {Gpu | null} */
    this.gpu = null;
    /** @type {Card} */
    this.card = "none";
  }
  /** Tries the graphics card from now on, if there is one that works.
   * @param {ArrayBuffer} network */
  async open(network) {
    if (!("gpu" in navigator)) return;
    try {
      const {Gpu} = await import("../engine/gpu.js");
      const gpu = await Gpu.made(this.engine, network);
      if (!gpu) return;
      void gpu.device.lost.then(({message}) => this.leave("lost", message));
      await inTime(gpu.paint(BLANK, this.engine.measure(BLANK)), FIRST);
      this.gpu = gpu;
      this.card = "ready";
    } catch (error) {
      this.leave("lost", String(error));
    }
  }
  /** Paints on without the graphics card.
   * @param {"slower" | "lost"} card
   * @param {string} why */
  leave(card, why) {
    if (this.card === "slower" || this.card === "lost") return;
    if (card === "lost") console.warn(`webgpu: ${why}`);
    this.card = card;
    this.gpu?.end();
    this.gpu = null;
  }
  /** Has the threads measured once more. */
  again() {
    this.threads.again();
  }
  /** Paints a frame, by whatever is tried or chosen.
   * @param {Picture} picture
   * @param {Style} style
   * @param {number} alpha
   * @param {Seen | null} before
   * @param {number} keep */
  async paint(picture, style, alpha, before, keep) {
    const {cards, threads, engine} = this,
      size = picture.width * picture.height;
    const onCard = this.gpu !== null && cards.other;
    if (this.gpu && onCard) {
      const since = performance.now();
      try {
        const made = await inTime(this.gpu.paint(picture, style, alpha, before, keep), this.late);
        cards.took((performance.now() - since) / size);
        this.choose();
        return made;
      } catch (error) {
        this.leave(error instanceof Late && !cards.done ? "slower" : "lost", String(error));
      }
    }
    const since = performance.now(),
      {team} = engine;
    team.alone = team.most === 1 || threads.other;
    const made = engine.paint(picture, style, alpha, before, keep),
      time = (performance.now() - since) / size;
    if (team.most === 1 || threads.done) {
      if (this.gpu) cards.took(time);
      this.choose();
    } else threads.took(time);
    return made;
  }
  choose() {
    if (this.card !== "ready" || !this.cards.done) return;
    if (this.cards.other) this.card = "kept";
    else this.leave("slower", "");
  }
}
