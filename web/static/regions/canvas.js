/* The canvas that regions are painted on, by pointer or by keyboard. */
import {element} from "../core/dom.js";
import {t} from "../core/text.js";
import {outline} from "../studio/crop.js";
import {value} from "../studio/field.js";

const STEP = 0.03; // of the width, for one arrow key
/** @type {Record<string, [number, number]>} */
const KEYS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

export const cursor = {x: 0.5, y: 0.5, seen: false}; // of the keyboard

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

/**
 * @typedef {object} Handlers
 * @property {() => void} begin a stroke begins
 * @property {(from: Page.Spot, to: Page.Spot) => void} stroke
 * @property {() => void} move the keyboard's cursor has moved
 * @property {() => void} lift a stroke has ended
 * @property {() => void} leave the focus has left
 */
/** @param {Handlers} handlers */
export const board = ({begin, stroke, move, lift, leave}) => {
  /** @type {Page.Spot | null} where the pointer is down */
  let down = null;
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
  return element("canvas", {
    tabindex: 0,
    role: "img",
    "aria-label": t("regions.canvas"),
    onkeydown: key,
    onpointerdown: (event) => {
      event.currentTarget.setPointerCapture(event.pointerId);
      cursor.seen = false;
      down = spot(event);
      begin();
      stroke(down, down);
      event.preventDefault();
    },
    onpointermove: (event) => {
      if (!down) return;
      const to = spot(event);
      stroke(down, to);
      down = to;
    },
    onpointerup: () => {
      down = null;
      lift();
    },
    onpointercancel: () => {
      down = null;
    },
    onblur: () => {
      cursor.seen = false;
      leave();
    },
  });
};
