/* The part of a picture that is used: a frame over it in a dialog, moved by pointer or arrow keys.
 *
 * In a field's text it follows the picture: @LEFT,TOP,RIGHT,BOTTOM, shares from 0 to 1.
 */
import {button} from "../core/controls.js";
import {element, find, setText, shaped} from "../core/dom.js";
import {t} from "../core/text.js";
import {CROP, address, picture} from "./uploads.js";

const LEAST = 0.02; // shares of a side: of a frame …
const STEP = 0.01,
  LARGE = 0.1; // … and of a key's press
const WHOLE = {left: 0, top: 0, right: 1, bottom: 1};
const CORNERS = ["nw", "ne", "sw", "se"];
/** @type {Record<string, [number, number]>} */
const KEYS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

/**
 * @param {number} value
 * @param {number} least
 * @param {number} most
 */
const within = (value, least, most) => Math.min(Math.max(value, least), most);
/** The frame that a field's text has, or null.
 * @param {string} text
 * @returns {Page.Frame | null} */
export const frameOf = (text) => {
  const [, numbers] = text.split(CROP);
  if (!numbers) return null;
  const [left, top, right, bottom] = numbers.split(",").map(Number);
  return {left, top, right, bottom};
};
/** A picture's text with a frame.
 * @param {string} text
 * @param {Page.Frame} frame */
const framed = (text, {left, top, right, bottom}) => {
  const sides = [left, top, right, bottom].map((side) => Number(side.toFixed(4)));
  return sides.join() === "0,0,1,1" ? picture(text) : `${picture(text)}${CROP}${sides.join()}`;
};
/** A frame after its corner, or all of it, was moved.
 * @param {Page.Frame} frame
 * @param {string} which a corner, or "all"
 * @param {number} x
 * @param {number} y
 * @returns {Page.Frame} */
const moved = ({left, top, right, bottom}, which, x, y) => {
  if (which === "all") {
    const [across, down] = [within(x, -left, 1 - right), within(y, -top, 1 - bottom)];
    return {left: left + across, top: top + down, right: right + across, bottom: bottom + down};
  }
  return {
    left: which.includes("w") ? within(left + x, 0, right - LEAST) : left,
    top: which.includes("n") ? within(top + y, 0, bottom - LEAST) : top,
    right: which.includes("e") ? within(right + x, left + LEAST, 1) : right,
    bottom: which.includes("s") ? within(bottom + y, top + LEAST, 1) : bottom,
  };
};
/** The largest square in the middle.
 * @param {number} wide
 * @param {number} high
 * @returns {Page.Frame} */
const square = (wide, high) => {
  const side = Math.min(wide, high);
  const [x, y] = [(wide - side) / 2 / wide, (high - side) / 2 / high];
  return {left: x, top: y, right: 1 - x, bottom: 1 - y};
};

/* ------------------------------------------------------------ shown */

/** A picture, as much of it as is used.
 * @param {string} src
 * @param {Page.Frame | null} frame
 * @param {object} given to the image */
export const part = (src, frame, given) => {
  const image = element("img", {src, ...given});
  if (!frame) return image;
  const [wide, high] = [frame.right - frame.left, frame.bottom - frame.top];
  const box = element("span", {class: "part"}, element("span", {class: "window"}, image));
  const view = find(box, ".window");
  image.style.cssText = `width: ${100 / wide}%; left: ${(-100 * frame.left) / wide}%; top: ${(-100 * frame.top) / high}%; height: ${100 / high}%`;
  image.addEventListener("load", () => shaped(view, image.naturalWidth * wide, image.naturalHeight * high));
  return box;
};
/** The picture of a field, as much of it as is used.
 * @param {string} text of the field
 * @param {object} given to the image */
export const used = (text, given) => part(address(text), frameOf(text), given);

/** Moves the edge over a picture to a frame.
 * @param {HTMLElement} board
 * @param {Page.Frame} frame */
const place = (board, frame) => {
  for (const [side, share] of Object.entries(frame)) board.style.setProperty(`--${side}`, String(share));
};
/** Draws the edge of what is used over a whole picture, if not all of it is.
 * @param {HTMLElement} board with a `.hole`
 * @param {string} text of a field */
export const outline = (board, text) => {
  const frame = frameOf(text);
  find(board, ".hole").hidden = !frame;
  if (frame) place(board, frame);
};

/* ------------------------------------------------------------ the dialog */

/** @param {Page.Frame} frame
 * @param {string} which */
const where = (frame, which) => {
  const x = which.includes("e") ? frame.right : frame.left,
    y = which.includes("s") ? frame.bottom : frame.top;
  return t("crop.at", {x: Math.round(100 * x), y: Math.round(100 * y)});
};
/** Draws the frame, and tells a screen reader where what has the focus is.
 * @param {HTMLElement} board
 * @param {Page.Frame} frame */
const draw = (board, frame) => {
  place(board, frame);
  for (const which of [...CORNERS, "all"]) {
    const name = which === "all" ? t("crop.frame") : t(`crop.corner.${which}`);
    find(board, `[data-which="${which}"]`).setAttribute("aria-label", `${name}: ${where(frame, which)}`);
  }
};
/**
 * A picture and a frame over it.
 * @param {string} text of the field
 * @param {Page.Frame} begun
 */
const boardOf = (text, begun) => {
  let frame = begun;
  const said = element("p", {class: "hint at", role: "status"});
  const board = element(
    "div",
    {class: "cropper"},
    element(
      "div",
      {class: "shaded"},
      element("img", {src: address(text), alt: "", draggable: "false"}),
      element("span", {class: "hole"}),
    ),
    ["all", ...CORNERS].map((which) =>
      element("button", {type: "button", class: `handle ${which}`, "data-which": which}),
    ),
  );
  /** @param {Page.Frame} next */
  const put = (next) => {
    frame = next;
    draw(board, frame);
  };
  /** @param {PointerEvent} event */
  const spot = (event) => {
    const box = board.getBoundingClientRect();
    return [within((event.clientX - box.left) / box.width, 0, 1), within((event.clientY - box.top) / box.height, 0, 1)];
  };
  board.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    const [x, y] = spot(event);
    const knob = event.target instanceof HTMLElement ? event.target.closest("[data-which]") : null;
    const which = knob instanceof HTMLElement ? (knob.dataset.which ?? "all") : "se"; // beside the frame: a new one
    const from = knob ? frame : {left: Math.min(x, 1 - LEAST), top: Math.min(y, 1 - LEAST), right: x, bottom: y};
    if (knob instanceof HTMLElement) knob.focus({preventScroll: true});
    board.setPointerCapture(event.pointerId);
    /** @param {PointerEvent} at */
    const drag = (at) => {
      const [toX, toY] = spot(at);
      put(moved(from, which, toX - x, toY - y));
    };
    const end = () => board.removeEventListener("pointermove", drag);
    board.addEventListener("pointermove", drag);
    for (const kind of ["pointerup", "pointercancel"]) board.addEventListener(kind, end, {once: true});
  });
  board.addEventListener("keydown", (event) => {
    const knob = event.target instanceof HTMLElement ? event.target.dataset.which : "";
    const [x, y] = KEYS[event.key] ?? [0, 0];
    if (!knob || !(x || y)) return;
    event.preventDefault();
    const step = event.shiftKey ? LARGE : STEP;
    put(moved(frame, knob, x * step, y * step));
    setText(said, where(frame, knob));
  });
  put(begun);
  return {board, said, put, read: () => frame};
};

/** Lets the visitor draw what is used of a picture; answers with the field's text, null if nothing
 * was chosen.
 * @param {string} text of the field
 * @param {string} name of the field
 * @returns {Promise<string | null>} */
export const choose = (text, name) =>
  new Promise((done) => {
    /** @type {string | null} */
    let chosen = null;
    const {board, said, put, read} = boardOf(text, frameOf(text) ?? WHOLE);
    const image = find(board, "img", HTMLImageElement);
    image.addEventListener("load", () => shaped(board, image.naturalWidth, image.naturalHeight));
    /** @type {HTMLDialogElement} */
    const dialog = element(
      "dialog",
      {
        class: "entry crop",
        "aria-label": `${t("crop")}: ${name}`,
        onclose: () => {
          dialog.remove();
          done(chosen);
        },
      },
      board,
      said,
      element("p", {class: "hint"}, t("crop.hint")),
      element(
        "div",
        {class: "actions"},
        button(
          t("crop.apply"),
          "check",
          () => {
            chosen = framed(text, read());
            dialog.close();
          },
          {class: "quiet strong"},
        ),
        button(t("crop.square"), "crop", () => put(square(image.naturalWidth || 1, image.naturalHeight || 1))),
        button(t("crop.whole"), "photo", () => put(WHOLE)),
        button(t("close"), "close", () => dialog.close()),
      ),
    );
    (document.querySelector(".gradio-container") ?? document.body).append(dialog);
    dialog.showModal();
    find(board, ".se").focus();
  });
