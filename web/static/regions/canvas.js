/* The canvas that regions are painted on, by pointer or by keyboard; two fingers move and zoom it. */
import {element} from "../core/dom.js";
import {t} from "../core/text.js";
import {outline} from "../studio/crop.js";
import {value} from "../studio/field.js";

const STEP = 0.03; // of the width, for one arrow key
/** @type {Record<string, [number, number]>} */
const KEYS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

export const cursor = {x: 0.5, y: 0.5, seen: false}; // of the keyboard, or where a mouse or pen is

/** @param {number} share */
const within = (share) => Math.min(1, Math.max(0, share));
/** Shows what is used of the photo, of which masks have all.
 * @param {HTMLElement} box of the canvas */
export const edge = (box) => outline(box, value("photo"));
/** @param {PointerEvent & {currentTarget: HTMLElement}} event
 * @returns {Page.Spot} */
const spot = ({currentTarget, clientX, clientY}) => {
  const box = currentTarget.getBoundingClientRect();
  return {x: (clientX - box.left) / box.width, y: (clientY - box.top) / box.height};
};
/** @typedef {[Page.Spot, Page.Spot]} Pair two fingers, in pixels of the window */

/**
 * @typedef {object} Handlers
 * @property {() => void} begin a stroke begins
 * @property {(from: Page.Spot, to: Page.Spot) => void} stroke
 * @property {() => void} move the cursor has moved, or is not seen any more
 * @property {() => void} lift a stroke has ended
 * @property {() => void} cancel the stroke that has begun was none
 * @property {(before: Pair, now: Pair) => void} pinch two fingers have moved
 */
/** @param {Handlers} handlers */
export const board = ({begin, stroke, move, lift, cancel, pinch}) => {
  /** @type {Page.Spot | null} where the pointer is down */
  let down = null;
  /** @type {Map<number, Page.Spot>} the fingers, by their pointers */
  const fingers = new Map();
  /** @returns {Page.Spot[]} */
  const places = () => [...fingers.values()];
  /** @param {KeyboardEvent} event */
  const key = (event) => {
    const way = KEYS[event.key];
    if (!way && event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    cursor.seen = true;
    if (!way) {
      begin();
      return stroke(cursor, cursor);
    }
    cursor.x = within(cursor.x + way[0] * STEP);
    cursor.y = within(cursor.y + way[1] * STEP);
    move();
  };
  /** @param {PointerEvent & {currentTarget: HTMLCanvasElement}} event */
  const press = (event) => {
    event.currentTarget.setPointerCapture(event.pointerId);
    event.preventDefault();
    if (event.pointerType === "touch") fingers.set(event.pointerId, {x: event.clientX, y: event.clientY});
    if (fingers.size > 1) {
      if (down) cancel();
      down = null;
      return;
    }
    down = spot(event);
    begin();
    stroke(down, down);
  };
  /** @param {PointerEvent} event */
  const drag = (event) => {
    const before = places();
    fingers.set(event.pointerId, {x: event.clientX, y: event.clientY});
    const now = places();
    if (now.length === 2) pinch([before[0], before[1]], [now[0], now[1]]);
  };
  /** @param {PointerEvent & {currentTarget: HTMLCanvasElement}} event */
  const glide = (event) => {
    if (fingers.size > 1) return drag(event);
    const to = spot(event);
    Object.assign(cursor, to, {seen: event.pointerType !== "touch"});
    if (!down) return move();
    stroke(down, to);
    down = to;
  };
  /** @param {PointerEvent} event */
  const release = ({pointerId}) => {
    fingers.delete(pointerId);
    if (down) lift();
    down = null;
  };
  const leave = () => {
    cursor.seen = false;
    move();
  };
  return element("canvas", {
    tabindex: 0,
    role: "img",
    "aria-label": t("regions.canvas"),
    onkeydown: key,
    onpointerdown: press,
    onpointermove: glide,
    onpointerup: release,
    onpointercancel: release,
    onpointerleave: leave,
    onblur: leave,
  });
};
